import type { ReliabilityBin } from '../../statistics/calibration.ts';
import { calibrationErrorOfBins } from '../../statistics/calibration-interval.ts';
import { accuracySums, addLabels, addRights } from '../../statistics/class-sums.ts';
import { type Estimate, estimateOf, likenessOf } from '../../statistics/figure.ts';
import { meanOfMoments } from '../../statistics/mean-moments.ts';
import { CONTROL, MASKED, MODEL } from '../../statistics/site-evaluation.ts';
import { leadOver } from '../figures.ts';
import { areasOf, binsOf, momentsOf, namesOfAll, sharesOf, type ToldSite } from './pooled-sums.ts';

/** The figures of `estimateFigures`, of sums. */
export function figuresOfSites(
  sites: readonly ToldSite[],
  classes: readonly string[],
): Record<string, Estimate> {
  const { own } = sharesOf(sites, MODEL);
  const areas = areasOf(sites, classes.length);
  const compared = [...namesOfAll(sites, CONTROL), ...namesOfAll(sites, MASKED)].flatMap((name) => {
    const { own: other, model } = sharesOf(sites, name);
    return [
      [name, estimateOf(other.balanced)],
      [`lead.${name}`, estimateOf(leadOver(model.balanced, other.balanced))],
    ] as const;
  });
  return {
    balanced_accuracy: estimateOf(own.balanced),
    accuracy: estimateOf(own.accuracy),
    ...Object.fromEntries(classes.map((name, label) => [`recall.${name}`, estimateOf(own.recalls[label])])),
    auroc: estimateOf(areas.mean),
    ...Object.fromEntries(classes.map((name, label) => [`auroc.${name}`, estimateOf(areas.each[label])])),
    ...Object.fromEntries(compared),
    ...lossesOf(sites),
  };
}

function lossesOf(sites: readonly ToldSite[]): Record<string, Estimate> {
  const suffixes = ['', '.calibrated'] as const;
  return Object.fromEntries(
    suffixes.flatMap((suffix) => {
      const losses = ['nll', 'brier'].flatMap((name) => {
        const sums = momentsOf(sites, `${name}${suffix}`);
        return sums ? [[`${name}${suffix}`, meanOfMoments(sums)] as const] : [];
      });
      const bins = binsOf(sites, suffix === '' ? 'bins' : 'bins_calibrated');
      return [...losses, ...(bins.length > 0 ? [[`ece${suffix}`, calibrationOf(sites, bins)] as const] : [])];
    }),
  );
}

/** Images of one person are taken to come out right as far together as over all bins. */
function calibrationOf(sites: readonly ToldSite[], bins: readonly ReliabilityBin[]): Estimate {
  const labels = addLabels(sites.map((site) => site.labels));
  const model = addRights(sites.flatMap(({ right }) => right.get(MODEL) ?? []));
  return calibrationErrorOfBins(bins, likenessOf(accuracySums(labels, model)));
}
