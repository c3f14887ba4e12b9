import { u8At } from '../base/at.ts';
import { estimateOf, type Groups, shareOf } from '../statistics/figure.ts';
import { callsOf } from '../statistics/scored-rows.ts';
import { NO_TUMOUR } from '../statistics/site-evaluation.ts';
import type { ClassEvaluation } from './class-result.ts';
import type { Judged } from './judged-people.ts';

/**
 * The clinical question first: tumour or none, whatever its type. Null where the classes do not part the two. Predictive values hold for the share of
 * tumours among the judged images.
 */
export function tumourOrNone(
  judged: Judged,
  classes: readonly string[],
  groups: Groups,
): ClassEvaluation['tumour_or_none'] {
  const none = classes.indexOf(NO_TUMOUR);
  if (none < 0 || classes.length < 2) return null;
  const { truth, said } = callsOf(judged, (label) => label !== none);
  const not = (rows: Uint8Array) => rows.map((row) => 1 - row);
  const count = (rows: Uint8Array) => rows.reduce((sum, row) => sum + row, 0);
  const share = (holds: Uint8Array, among: Uint8Array) => estimateOf(shareOf(holds, groups, { among }));
  const both = truth.map((own, row) => own & u8At(said, row));
  const neither = not(truth).map((own, row) => own & (1 - u8At(said, row)));
  return {
    with_tumour: count(truth),
    found: count(both),
    without_tumour: count(not(truth)),
    cleared: count(neither),
    called_tumour: count(said),
    called_none: count(not(said)),
    sensitivity: share(said, truth),
    specificity: share(not(said), not(truth)),
    positive_predictive_value: share(truth, said),
    negative_predictive_value: share(not(truth), not(said)),
  };
}

/** The same in words, one sentence a line: counts first. */
export function tumourOrNoneWords(
  found: NonNullable<ClassEvaluation['tumour_or_none']>,
  show: (name: string, figure: NonNullable<ClassEvaluation['tumour_or_none']>['sensitivity']) => string,
): string[] {
  const { with_tumour: sick, without_tumour: well, called_tumour: yes, called_none: no } = found;
  return [
    `Of ${sick} with a tumour, ${found.found} called so: ${show('sensitivity', found.sensitivity)}.`,
    `Of ${well} without tumour, ${found.cleared} called so: ${show('specificity', found.specificity)}.`,
    `Of ${yes} called a tumour, ${found.found} are one: ${show('positive predictive value', found.positive_predictive_value)}.`,
    `Of ${no} called none, ${found.cleared} are none: ${show('negative predictive value', found.negative_predictive_value)}.`,
  ];
}
