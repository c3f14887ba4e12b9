import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { EVENTS_VERSION, type RunEvent, runEventSchema } from './events.ts';

/** Of neuroflare 0.1.0, whose events do not name it. */
const FIRST_VERSION = 1;
const versioned = z.looseObject({ v: z.int().min(FIRST_VERSION).default(FIRST_VERSION) });

/** An event as it is written down, with the version of its form, read into today's form. @throws NF_RUN_NEWER */
export const storedEventSchema = z.preprocess((value) => {
  const { success, data } = versioned.safeParse(value);
  if (!success) return value;
  const { v: version, ...event } = data;
  if (version > EVENTS_VERSION) throw flError('NF_RUN_NEWER', { version, known: EVENTS_VERSION });
  return event;
}, runEventSchema);

/** The form of events in logs, databases and answers: what this process made is written as it is, what comes back is read by the schema. */
export const RUN_EVENTS = {
  write: (event: RunEvent): RunEvent & { readonly v: number } => ({ ...event, v: EVENTS_VERSION }),
  read: (value: unknown): RunEvent => storedEventSchema.parse(value),
} as const;
