import { estimateOf, indexGroups, shareOf, UNDEFINED } from '../statistics/figure.ts';
import { logLosses } from '../statistics/probabilities.ts';
import { rightRows } from '../statistics/scored-rows.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { EvaluationWork } from './evaluation-work.ts';
import { balancedFigure, recallFigures } from './figures.ts';
import { type Judged, pickRows } from './judged-people.ts';

/** Each site's own figures with their intervals; a site without a class has no balanced accuracy, and says so. */
export function describeSites({ data, target }: EvaluationWork, judged: Judged): ClassEvaluation['per_site'] {
  return data.sites.map((site) => {
    const rows = [...judged.labels.keys()].filter((row) => judged.sites[row] === site);
    const own = pickRows(judged, rows);
    const groups = indexGroups(own.groups);
    const recalls = recallFigures(own, groups).map(estimateOf);
    const named = <T>(value: (label: number) => T) =>
      Object.fromEntries(target.classes.map((name, label) => [name, value(label)]));
    const missing = target.classes.filter((_, label) => (recalls[label] ?? UNDEFINED).value === null);
    const losses = logLosses(own);
    return {
      site,
      subjects: rows.length,
      balanced_accuracy: estimateOf(balancedFigure(own, groups)),
      accuracy: estimateOf(shareOf(rightRows(own), groups)),
      nll: rows.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / rows.length,
      recall: named((label) => (recalls[label] ?? UNDEFINED).value),
      recall_intervals: named((label) => recalls[label] ?? UNDEFINED),
      undefined_because: missing.length === 0 ? null : `no subject of ${missing.join(', ')}`,
    };
  });
}
