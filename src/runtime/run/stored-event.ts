import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { EVENTS_VERSION, type RunEvent, runEventSchema } from './events.ts';
import { olderEvents } from './older-events.ts';

/** Of neuroflare 0.1.0, whose events do not name it. */
const FIRST_VERSION = 1;
/** From which on tasks have ids. */
const WITH_TASKS = 4;
const versioned = z.looseObject({ v: z.int().min(FIRST_VERSION).default(FIRST_VERSION) });

/** Reads the events of one log, each as it was written down with the version of its form, into today's form. */
function eventReader(): (value: unknown) => unknown {
  const older = olderEvents();
  return (value) => {
    const { success, data } = versioned.safeParse(value);
    if (!success) return value;
    const { v: version, ...event } = data;
    if (version > EVENTS_VERSION) throw flError('NF_RUN_NEWER', { version, known: EVENTS_VERSION });
    return version < WITH_TASKS ? older(event) : event;
  };
}

/** One event by itself, whatever came before it. @throws NF_RUN_NEWER */
export const storedEventSchema = z.preprocess((value) => eventReader()(value), runEventSchema);

/** The form of events in logs, databases and answers: what this process made is written as it is, what comes back is read by the schema. */
export const RUN_EVENTS = {
  write: (event: RunEvent): RunEvent & { readonly v: number } => ({ ...event, v: EVENTS_VERSION }),
  reader: () => {
    const read = eventReader();
    return (value: unknown): RunEvent => runEventSchema.parse(read(value));
  },
} as const;
