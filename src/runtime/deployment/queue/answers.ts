import { z } from 'zod';
import type { TaskEvent, TaskOutcome } from '../../site/executor/executor.ts';
import { readMessage } from '../../site/executor/read-message.ts';
import type { QueuedOrder } from './orders.ts';
import type { RunKey } from './run-key.ts';
import { openSigned, type Signed, sign } from './signed.ts';

/** What a worker says of a task: what was heard since it last said something, and at the end what it came to. */
export interface QueuedAnswer extends Pick<QueuedOrder, 'run' | 'id' | 'attempt'> {
  /** Of the worker, in names of files. */
  readonly worker: string;
  readonly events: readonly TaskEvent[];
  readonly outcome?: TaskOutcome;
}

export function signAnswer(answer: QueuedAnswer, { secret }: RunKey): Signed {
  return sign('answer', answer, secret);
}

const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started') }),
  z.object({ type: z.literal('log'), text: z.string() }),
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  z.object({ type: z.literal('left'), traces: z.array(z.string()) }),
]);
const answerSchema = z.object({
  run: z.string(),
  id: z.string(),
  attempt: z.int().min(1),
  worker: z.string().regex(/^[0-9a-f]{8}$/),
  events: z.array(eventSchema),
  outcome: z.looseObject({ type: z.enum(['result', 'failure', 'killed']) }).optional(),
});

/** Undefined where no worker of this run said it. What a script can have a say in has the form of a message, or is its failure. */
export function openAnswer(said: unknown, key: RunKey): QueuedAnswer | undefined {
  const { data } = answerSchema.safeParse(openSigned('answer', said, key.secret));
  if (!data || data.run !== key.id) return undefined;
  const { outcome, ...rest } = data;
  return outcome ? { ...rest, outcome: outcomeOf(outcome) } : rest;
}

function outcomeOf(said: { readonly type: string; readonly [name: string]: unknown }): TaskOutcome {
  if (said.type === 'killed') return { type: 'killed', signal: String(said.signal) };
  const message = readMessage(said.type === 'result' ? { type: 'result', result: said.answer } : said);
  if (message.type === 'result') return { type: 'result', answer: message.result };
  if (message.type === 'failure') return message;
  throw new Error(`An outcome was read as ${message.type}.`);
}
