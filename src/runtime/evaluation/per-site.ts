import { bootstrapGroups, type Estimate } from '../statistics/bootstrap.ts';
import { type Judged, meanOfAll, recalls, tallyOf, weightedMean } from './judged.ts';
import type { Evaluation } from './result.ts';
import type { EvaluationWork } from './work.ts';

const UNDEFINED: Estimate = { value: null, low: null, high: null };

/** Each site's own figures; a site without a class has no balanced accuracy, and says so. */
export function describeSites(
  { data, target, options }: EvaluationWork,
  judged: Judged,
): Evaluation['per_site'] {
  const tally = tallyOf(judged);
  const right = Uint8Array.from(tally.predicted, (label, row) => (label === judged.labels[row] ? 1 : 0));
  return data.sites.map((site) => {
    const rows = [...judged.labels.keys()].filter((row) => judged.sites[row] === site);
    const counts = new Float64Array(judged.labels.length);
    for (const row of rows) counts[row] = 1;
    const own = recalls(tally, counts);
    const missing = target.classes.filter((_, label) => own[label] === null);
    const spread = (weights: Float64Array) => {
      const all = new Float64Array(judged.labels.length);
      for (const [at, row] of rows.entries()) all[row] = weights[at] as number;
      return { balanced: meanOfAll(recalls(tally, all)), accuracy: weightedMean(right, all) };
    };
    const groups = rows.map((row) => judged.groups[row] ?? '');
    const figures = rows.length === 0 ? {} : bootstrapGroups(groups, spread, options);
    return {
      site,
      subjects: rows.length,
      balanced_accuracy: figures.balanced ?? UNDEFINED,
      accuracy: figures.accuracy ?? UNDEFINED,
      nll: weightedMean(tally.losses, counts),
      recall: Object.fromEntries(target.classes.map((name, label) => [name, own[label] ?? null])),
      undefined_because: missing.length === 0 ? null : `no subject of ${missing.join(', ')}`,
    };
  });
}
