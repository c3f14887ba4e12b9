import { z } from 'zod';
import { ownScored } from '../algorithms/own-models.ts';
import { partsOfTask } from '../algorithms/task.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { compareSites } from '../base/site-order.ts';
import type { Goal } from './best-model.ts';
import { type Score, scoreOf, scoreSchema } from './cross-site.ts';
import type { RunEvent } from './events.ts';

/** How sites choose among the global model and those of their own. */
export type ChoiceGoal = Pick<Goal, 'keyMetric' | 'keyMetricGoal'>;

/** Of one model on the validation images of a site: the key metric, accuracy and loss, as far as it has them. */
export const figuresSchema = z.record(z.string(), z.number());
export type Figures = z.output<typeof figuresSchema>;

/**
 * The key metric decides; where a site cannot give it for both models, as with balanced accuracy where it has no image of a class, or they
 * are equal, accuracy does, then the loss.
 */
function decidedBy({ keyMetric, keyMetricGoal }: ChoiceGoal): [string, Goal['keyMetricGoal']][] {
  return [
    [keyMetric, keyMetricGoal],
    ['accuracy', 'maximize'],
    ['loss', 'minimize'],
  ];
}

export function figuresOf(metrics: MetricReport, goal: ChoiceGoal): Figures {
  const known = decidedBy(goal).flatMap(([name]) => {
    const value = metrics[name];
    return typeof value === 'number' && Number.isFinite(value) ? [[name, value] as const] : [];
  });
  return Object.fromEntries(known);
}

/** Of equals none is better. */
export function betterThan(one: Figures, other: Figures, goal: ChoiceGoal): boolean {
  for (const [name, direction] of decidedBy(goal)) {
    const [value, than] = [one[name], other[name]];
    if (value === undefined || than === undefined || value === than) continue;
    return direction === 'maximize' ? value > than : value < than;
  }
  return false;
}

const MODELS = ['global', 'personal', 'alone'] as const;
type Candidate = (typeof MODELS)[number];

/** What each site ends with. */
export const ownModelsSchema = z.array(
  z.object({
    site: z.string(),
    chosen: z.enum(MODELS).nullable().describe('the model that the site ends with; null: it has scored none'),
    scores: z
      .partialRecord(z.enum(MODELS), scoreSchema)
      .describe(
        'figures on the validation images of the site. personal: of the global model trained on there; alone: of its images alone',
      ),
  }),
);
export type OwnModels = z.output<typeof ownModelsSchema>;

/** Adds up the table from the events of a run, in their order. */
export class OwnModelTable {
  readonly #goal: ChoiceGoal;
  readonly #sites = new Map<string, Map<Candidate, Score>>();
  #isAsked = false;

  constructor(goal: ChoiceGoal) {
    this.#goal = goal;
  }

  take(event: RunEvent): void {
    if (event.type === 'round.opened' && ownScored(event.name) !== undefined) this.#isAsked = true;
    // A longer run scores the models of its last round anew.
    if (event.type === 'round.opened' && event.name === 'evaluate') this.#sites.clear();
    if (event.type === 'result.accepted') this.#put(event.task, scoreOf(event.result));
    if (event.type === 'site.failed')
      this.#put(event.task, { metrics: null, reason: `${event.error.code}: ${event.error.message}` });
  }

  /** In site order; undefined where no site has models of its own. */
  result(): OwnModels | undefined {
    if (!this.#isAsked) return undefined;
    const sites = [...this.#sites].sort(([a], [b]) => compareSites(a, b));
    return sites.map(([site, scores]) => ({
      site,
      chosen: this.#chosen(scores) ?? null,
      scores: Object.fromEntries(scores),
    }));
  }

  #put(task: string, score: Score): void {
    const { name, site, about } = partsOfTask(task);
    const model = name === 'evaluate' && about === undefined ? 'global' : ownScored(name);
    if (!model) return;
    const scores = this.#sites.get(site) ?? new Map<Candidate, Score>();
    this.#sites.set(site, scores.set(model, score));
  }

  /** As the site has chosen, in the same order. */
  #chosen(scores: ReadonlyMap<Candidate, Score>): Candidate | undefined {
    let best: { readonly model: Candidate; readonly figures: Figures } | undefined;
    for (const model of MODELS) {
      const metrics = scores.get(model)?.metrics;
      if (!metrics) continue;
      const figures = figuresOf(metrics, this.#goal);
      if (!best || betterThan(figures, best.figures, this.#goal)) best = { model, figures };
    }
    return best?.model;
  }
}
