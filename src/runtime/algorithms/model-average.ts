import { z } from 'zod';
import { ema } from './reducers/ema.ts';
import type { Federation, Payload } from './workflow.ts';

/** Keys under `workflow`. */
export const MODEL_AVERAGE = {
  ema_decay: z
    .number()
    .min(0)
    .max(1)
    .refine((value) => value < 1, { error: 'must be below 1' })
    .default(0)
    .describe(
      'the server keeps the exponential moving average of the global models, of which each round leaves so much of what was before; sites go on training the newest model, and the average is scored in the end and is the last model of the run; 0: there is none',
    ),
} as const;

/** What the average is called beside the global model. */
const AVERAGE = 'ema';

interface Averaging {
  readonly round: number;
  readonly decay: number;
  /** What the sites of the round received. */
  readonly before: Payload;
  /** What it has made. */
  readonly made: Payload;
}

/**
 * What a round has made, with the average of the models of all rounds so far beside it (Polyak and Juditsky 1992; as an exponential moving
 * average Tarvainen and Valpola 2017). It begins with the model of the first round: an untrained one has no part in it.
 */
export async function withAverage(
  federation: Federation,
  { round, decay, before, made }: Averaging,
): Promise<Payload> {
  if (decay === 0) return made;
  const { [AVERAGE]: average }: Partial<Payload> = before;
  if (!average) return { ...made, [AVERAGE]: made.model };
  const newest = { site: AVERAGE, files: { model: made.model }, numExamples: 1, metrics: {} };
  const { model } = await federation.reduce({
    round,
    about: AVERAGE,
    reducer: ema,
    options: { decay },
    base: { model: average },
    answers: [{ ...newest, paramsType: 'FULL' }],
    weights: [1],
  });
  return { ...made, [AVERAGE]: model };
}

/** What a run ends with: the average, where there is one, in place of the newest model. */
export function averageOf(global: Payload): Payload {
  const { [AVERAGE]: average }: Partial<Payload> = global;
  return average ? { ...global, model: average } : global;
}

/** For people. */
export function averageNote(round: number, decay: number): string {
  return `model ${round}, the last one, is the exponential moving average of the global models of all rounds (workflow.ema_decay ${decay})`;
}
