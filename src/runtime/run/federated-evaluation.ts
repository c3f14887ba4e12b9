import { z } from 'zod';
import { CURVE, TEST } from '../algorithms/evaluation/tasks.ts';
import { partsOfTask } from '../algorithms/task.ts';
import { compareSites } from '../base/site-order.ts';
import { siteEvaluationSchema } from '../statistics/evaluation-sums.ts';
import type { RunEvent } from './events.ts';

/** What sites told of the model that they judged on their own test images: `federated_evaluation.json`. */
export const federatedEvaluationSchema = z.object({
  version: z.literal(1),
  kind: z.literal('neuroflare-federated-evaluation'),
  model_sha256: z.string(),
  sites: z.array(z.object({ site: z.string(), sums: siteEvaluationSchema })),
  left_out: z.array(z.object({ site: z.string(), reason: z.string() })).describe('sites that told nothing'),
});
export type FederatedEvaluation = z.output<typeof federatedEvaluationSchema>;

const OTHER_FORM = 'it told sums in a form that is not known here';

/** Adds up the file from the events of a run, in their order. */
export class FederatedEvaluationTable {
  readonly #told = new Map<string, FederatedEvaluation['sites'][number]['sums']>();
  readonly #reasons = new Map<string, string>();
  #model: string | undefined;

  take(event: RunEvent): void {
    if (event.type === 'round.opened' && event.name === CURVE) {
      // A longer run judges its last model anew.
      this.#told.clear();
      this.#reasons.clear();
      this.#model = event.inputs.model?.sha256;
    }
    if (event.type === 'result.accepted' && partsOfTask(event.task).name === TEST) {
      const { site, values } = event.result;
      const sums = siteEvaluationSchema.safeParse(values?.sums).data;
      if (sums) this.#told.set(site, sums);
      else this.#reasons.set(site, OTHER_FORM);
    }
    if (event.type === 'site.failed') {
      const { name, site } = partsOfTask(event.task);
      const { code, message } = event.error;
      if (name === CURVE || name === TEST) this.#reasons.set(site, `${code}: ${message}`);
    }
  }

  /** In site order; undefined where no model was judged so. */
  result(): FederatedEvaluation | undefined {
    if (this.#model === undefined) return undefined;
    const inOrder = <Value>(map: ReadonlyMap<string, Value>) =>
      [...map].sort(([a], [b]) => compareSites(a, b));
    return {
      version: 1,
      kind: 'neuroflare-federated-evaluation',
      model_sha256: this.#model,
      sites: inOrder(this.#told).map(([site, sums]) => ({ site, sums })),
      left_out: inOrder(this.#reasons)
        .filter(([site]) => !this.#told.has(site))
        .map(([site, reason]) => ({ site, reason })),
    };
  }
}
