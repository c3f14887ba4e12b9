import { z } from 'zod';
import { keyText, partsOfTask, type TaskKey, VALIDATE } from '../algorithms/task.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { compareSites } from '../base/site-order.ts';
import type { AcceptedResult, RunEvent } from './events.ts';
import { isShare } from './shares.ts';
import type { Counted } from './statistics.ts';
import { statisticsOf } from './statistics-of.ts';

export const scoreSchema = z.object({
  metrics: z
    .record(z.string(), z.number())
    .nullable()
    .describe('figures of the model on the validation data of the site; null: it gave none'),
  reason: z.string().optional().describe('why it gave none'),
  num_examples: z
    .number()
    .optional()
    .describe('examples that the figures are over, where the site counts them'),
  shares: z
    .record(z.string(), z.array(z.tuple([z.number(), z.number()])))
    .optional()
    .describe('of figures that are a share of counted examples, or the mean of such shares: [counted, of]'),
});

/** Models by sites: figures of each model on the data of each site. */
export const crossSiteSchema = z.array(
  z.object({
    model: z.string().nullable().describe('the site whose last model it is; null: the last global model'),
    scores: z.record(z.string(), scoreSchema).describe('by the site that scored it'),
  }),
);
export type CrossSiteEvaluation = z.output<typeof crossSiteSchema>;
export type Score = z.output<typeof scoreSchema>;

const NO_ANSWER = 'its answer had not come when the round was over';

/** Adds up the table from the events of a run, in their order. */
export class CrossSiteTable {
  readonly #rows = new Map<string, { readonly model: string | null; readonly scores: Map<string, Score> }>();

  take(event: RunEvent): void {
    if (event.type === 'round.opened') this.#open(event);
    if (event.type === 'result.accepted') this.#put(event.task, scoreOf(event.result));
    if (event.type === 'site.failed') {
      const { code, message } = event.error;
      this.#put(event.task, { metrics: null, reason: `${code}: ${message}` });
    }
    if (event.type === 'result.dropped') this.#put(event.task, { metrics: null, reason: NO_ANSWER });
  }

  /** The global model first, then those of the sites in their order; undefined where no model of a site was given out. */
  result(): CrossSiteEvaluation | undefined {
    const rows = [...this.#rows.values()];
    if (rows.every(({ model }) => model === null)) return undefined;
    const sorted = rows.toSorted((a, b) => {
      if (a.model === null || b.model === null) return Number(b.model === null) - Number(a.model === null);
      return compareSites(a.model, b.model);
    });
    return sorted.map(({ model, scores }) => ({ model, scores: Object.fromEntries(scores) }));
  }

  #open({ sites, ...key }: TaskKey & { readonly sites: readonly string[] }): void {
    const isGlobal = key.name === 'evaluate' && key.about === undefined;
    if (!isGlobal && key.name !== VALIDATE) return;
    if (this.#rows.has(keyText(key))) return;
    const none = sites.map((site) => [site, { metrics: null, reason: NO_ANSWER }] as const);
    this.#rows.set(keyText(key), { model: key.about ?? null, scores: new Map(none) });
  }

  #put(task: string, found: Score): void {
    const { site, ...key } = partsOfTask(task);
    const row = this.#rows.get(keyText(key));
    if (row?.scores.has(site)) row.scores.set(site, found);
  }
}

export function scoreOf({ metrics, numExamples, statistics }: AcceptedResult): Score {
  const { counted } = statistics ?? statisticsOf(metrics, numExamples);
  const figures = { metrics: numbersOf(metrics) };
  return counted ? { ...figures, num_examples: counted.examples, shares: sharesOf(counted) } : figures;
}

/** A figure like `accuracy` is one share; `balanced_accuracy` is the mean of those of its classes. */
function sharesOf({ means, groups, macro }: Counted): Record<string, [number, number][]> {
  const single = Object.entries(means).flatMap(([name, { sum, weight }]): [string, [number, number][]][] =>
    isShare(name) ? [[name, [[sum, weight]]]] : [],
  );
  const several = Object.entries(macro).map(([name, group]): [string, [number, number][]] => {
    const { sums = [], weights = [] } = groups[group] ?? {};
    return [name, sums.map((sum, at) => [sum, weights[at] ?? 0])];
  });
  return Object.fromEntries([...single, ...several]);
}

/** What else a site reports, counts and texts, is in the run's log. */
function numbersOf(metrics: MetricReport): Record<string, number> {
  const numbers = Object.entries(metrics).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value] as const] : [],
  );
  return Object.fromEntries(numbers);
}
