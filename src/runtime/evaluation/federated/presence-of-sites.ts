import { PRESENCE, type PresenceName, readShares } from '../../statistics/evaluation-sums.ts';
import { estimateOf, figureOfSums, type ShareSums } from '../../statistics/figure.ts';
import { TYPES, tumoursAmong } from '../../statistics/site-evaluation.ts';
import type { ClassEvaluation } from '../class-result.ts';
import { sharesOf, type ToldSite } from './pooled-sums.ts';

/** As `tumourOrNone`, of sums. */
export function presenceOfSites(sites: readonly ToldSite[]): ClassEvaluation['tumour_or_none'] {
  const sums = (name: PresenceName): ShareSums | undefined => {
    const told = sites.flatMap(({ told: { presence } }) => (presence?.[name] ? [presence[name]] : []));
    return told.length === 0 || told.length < sites.length ? undefined : readShares(told);
  };
  const [sensitivity, specificity, positive, negative] = PRESENCE.map(sums);
  if (!sensitivity || !specificity || !positive || !negative) return null;
  const share = (own: ShareSums) => estimateOf(figureOfSums(own));
  return {
    with_tumour: sensitivity.rows,
    found: sensitivity.holds,
    without_tumour: specificity.rows,
    cleared: specificity.holds,
    called_tumour: positive.rows,
    called_none: negative.rows,
    sensitivity: share(sensitivity),
    specificity: share(specificity),
    positive_predictive_value: share(positive),
    negative_predictive_value: share(negative),
  };
}

/** The model among tumours alone, of sums; controls are not judged so. */
export function typesOfSites(
  sites: readonly ToldSite[],
  classes: readonly string[],
): ClassEvaluation['tumour_types'] {
  const kept = tumoursAmong(classes);
  if (!kept || sites.some(({ right }) => !right.has(TYPES))) return null;
  const { balanced } = sharesOf(sites, TYPES, kept).own;
  if (!balanced) return null;
  return {
    classes: kept.map((label) => classes[label] ?? ''),
    subjects: sites.reduce(
      (sum, { labels }) => sum + kept.reduce((own, label) => own + (labels.rows[label] ?? 0), 0),
      0,
    ),
    balanced_accuracy: estimateOf(balanced),
    controls: {},
  };
}
