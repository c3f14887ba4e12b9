import { z } from 'zod';
import { taskIdSchema, wordSchema } from '../algorithms/task.ts';
import type { FileRef, Payload } from '../algorithms/workflow.ts';
import type { ErrorReport } from '../base/errors/errors.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import type { JsonValue } from '../job/definition.ts';
import { statisticsSchema } from './statistics.ts';

export type { FileRef, Payload };

/**
 * What happens in a run, in the order it became true: the one form in which it stands in a log, in a database and on the wire. A run
 * is resumed from these alone. `round` counts from 1; the model of round r is the one aggregated in it, model 0 the initial one, and a
 * training round r reports figures on model r - 1.
 *
 * Version 2 tells what each call of a workflow came to (`members.chosen`, `round.answered`, `model.made`, `task.asked`, `answer.taken`); in
 * version 3 answers have their sums beside their reports; version 4 calls tasks by their ids and has named files. `older-events.ts` reads
 * all before it into this form.
 */

/** Of the form of events. What changes a key of them raises it; what was before stays readable. */
export const EVENTS_VERSION = 4;

export const fileRefSchema: z.ZodType<FileRef> = z
  .strictObject({ path: z.string(), sha256: z.string() })
  .readonly();

/** What runs a site's tensors; shown in the log and the result, so that nobody wonders which engine it was. */
const engineUseSchema = z.strictObject({
  name: z.string(),
  device: z.string(),
  /** Package, version and build, e.g. `onnxruntime-node 1.30.0 native`. */
  library: z.string(),
  detail: z.string(),
});
export type EngineUse = Readonly<z.output<typeof engineUseSchema>>;

/** JSON as it was read; what figures may hold was looked at before they were written. */
const metricsSchema = z.custom<MetricReport>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** Texts for people: one of another version may say more. */
const errorSchema = z.custom<ErrorReport>(
  (value) =>
    z.looseObject({ code: z.string(), message: z.string(), hint: z.string() }).safeParse(value).success,
);

const round = z.int();
const names = z.array(z.string()).readonly();
const taskKey = { round, name: wordSchema, about: z.string().exactOptional() };

/** JSON as it was read; how much of it there may be was looked at before it was written. */
const valuesSchema = z.record(
  wordSchema,
  z.custom<JsonValue>((value) => value !== undefined),
);
/** JSON by name. */
export type Values = Readonly<z.output<typeof valuesSchema>>;

const acceptedResultSchema = z.strictObject({
  site: z.string(),
  /** What the task asked for, by name: of a training task the `model`. */
  files: z.record(wordSchema, fileRefSchema).readonly(),
  /** What it asked for as JSON, by name. */
  values: valuesSchema.readonly().exactOptional(),
  paramsType: z.enum(['FULL', 'DIFF']),
  numExamples: z.number(),
  metrics: metricsSchema,
  /** What it adds to the figures over all sites; older logs have none, and what watchers are shown. */
  statistics: statisticsSchema.exactOptional(),
  /** What the site keeps for its next task (`flare.saveState`). */
  state: fileRefSchema.exactOptional(),
  /** Seconds the task took at the site. */
  seconds: z.number(),
});
/** A site's answer to one task, whose bytes are on disk. */
export type AcceptedResult = Readonly<z.output<typeof acceptedResultSchema>>;

const filesSchema = z.record(wordSchema, fileRefSchema);
/** Files by name. */
export type Files = Readonly<z.output<typeof filesSchema>>;

const payloadSchema = z.object({ model: fileRefSchema }).catchall(fileRefSchema);

const bestModelSchema = z.strictObject({
  /** Which model: 0 is the initial one. */
  round,
  metric: z.string(),
  value: z.number(),
  model: fileRefSchema,
});
export type BestModel = Readonly<z.output<typeof bestModelSchema>>;

const event = <Type extends string, Shape extends z.core.$ZodLooseShape>(type: Type, shape: Shape) =>
  z.strictObject({ type: z.literal(type), ...shape }).readonly();

/** The events that only show life are never written down. */
export const runEventSchema = z.discriminatedUnion('type', [
  event('run.opened', { resumedFromRound: round.exactOptional() }),
  /** A job that had ended goes on: signed anew, `count` times so far, after the round it had. */
  event('run.resumed', { round, by: z.string(), count: z.int() }),
  event('model.initial', { model: fileRefSchema }),
  /** Who takes part in a round. */
  event('members.chosen', { round, sites: names }),
  /** Sites are asked for one task each. A round may have several, of other names or about other things. */
  event('round.opened', {
    ...taskKey,
    sites: names,
    /** What all of them are given. */
    inputs: filesSchema.readonly(),
    /** What a site is given beside. */
    own: z.record(z.string(), filesSchema.readonly()).readonly().exactOptional(),
  }),
  event('task.started', { task: taskIdSchema }),
  event('task.progress', { task: taskIdSchema, done: z.number(), total: z.number() }),
  event('engine.used', { site: z.string(), engine: engineUseSchema.readonly() }),
  event('result.accepted', { task: taskIdSchema, result: acceptedResultSchema.readonly() }),
  /** The bytes of an accepted result are no longer what they were: the site is asked again. */
  event('result.dropped', { task: taskIdSchema, reason: z.string() }),
  event('site.failed', { task: taskIdSchema, error: errorSchema }),
  /** A site has a task for which no round waits; an exchange, or the end of the run, takes such tasks back. */
  event('task.asked', { task: taskIdSchema, inputs: filesSchema.readonly() }),
  /** The workflow has the answer, or failure, of a site to such a task. */
  event('answer.taken', { task: taskIdSchema }),
  /** The answers that count, by their sites. */
  event('round.answered', { ...taskKey, sites: names }),
  event('model.made', {
    round,
    /** Whose it is, where a round makes several. */
    about: z.string().exactOptional(),
    reducer: z.string(),
    made: payloadSchema.readonly(),
    /** Sentences for people, said when the round closes. */
    notes: names.exactOptional(),
  }),
  event('round.closed', {
    round,
    kind: z.enum(['train', 'evaluate']),
    /** Figures of the model the round was opened with, pooled over sites. */
    metrics: metricsSchema,
    /** The new global model of a training round. */
    model: fileRefSchema.exactOptional(),
    /** Files beside the model that its next step begins with. */
    state: z.record(z.string(), fileRefSchema).readonly().exactOptional(),
    /** What was chosen among the models scored so far; logs of version 0.1.0 lack it. */
    chosen: z
      .strictObject({
        best: bestModelSchema.exactOptional(),
        /** Best since a site of the best one gives no figure any more. */
        stand_in: bestModelSchema.exactOptional(),
      })
      .exactOptional(),
    /** Sentences for people: who gave no figure, whose weight was bounded. */
    notes: names.exactOptional(),
  }),
  event('run.interrupted', { signal: z.string() }),
  event('run.failed', { error: errorSchema }),
  event('run.finished', { model: fileRefSchema, best: bestModelSchema.exactOptional() }),
]);

export type RunEvent = z.output<typeof runEventSchema>;
export type RunObserver = (event: RunEvent) => void;
