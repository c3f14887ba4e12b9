import { f64At, numberAt } from '../../base/at.ts';
import type { FederatedEvaluation } from '../../run/federated-evaluation.ts';
import { type AurocOfSite, aurocOfSites } from '../../statistics/auroc-figure.ts';
import { poolBins, type ToldBin } from '../../statistics/bins-of-people.ts';
import type { ReliabilityBin } from '../../statistics/calibration.ts';
import {
  addLabels,
  addRights,
  type LabelSums,
  type PairedShares,
  type RightSums,
  sharesOfSums,
} from '../../statistics/class-sums.ts';
import { readLabels, readMoments, readRight, type SiteEvaluation } from '../../statistics/evaluation-sums.ts';
import { combineFigures, type Figure } from '../../statistics/figure.ts';
import { vectorsOf } from '../../statistics/gram-vectors.ts';
import { addMoments, type MomentSums } from '../../statistics/mean-moments.ts';
import { MODEL } from '../../statistics/site-evaluation.ts';

/** What one site told, read. */
export interface ToldSite {
  readonly site: string;
  readonly told: SiteEvaluation;
  readonly labels: LabelSums;
  /** Of the model, and of what it is compared with. */
  readonly right: ReadonlyMap<string, RightSums>;
}

/** Sites whose sums are those of images with these classes; others are named. */
export function readSites(
  { sites }: FederatedEvaluation,
  classes: number,
): { readonly read: readonly ToldSite[]; readonly unread: readonly string[] } {
  const unread: string[] = [];
  const read = sites.flatMap(({ site, sums: told }): ToldSite[] => {
    const labels = readLabels(told, classes);
    const isSquare =
      told.confusion.length === classes && told.confusion.every((row) => row.length === classes);
    const right = new Map<string, RightSums>();
    for (const [name, own] of Object.entries(told.right)) {
      const sums = readRight(own, told.labels, classes);
      if (sums) right.set(name, sums);
    }
    if (labels && isSquare && right.has(MODEL) && right.size === Object.keys(told.right).length)
      return [{ site, told, labels, right }];
    unread.push(site);
    return [];
  });
  return { read, unread };
}

/** Names that all sites have told of: leads are over the same images. */
export function namesOfAll(sites: readonly ToldSite[], start: string): string[] {
  const [first, ...others] = sites;
  const names = [...(first?.right.keys() ?? [])].filter((name) => name.startsWith(start));
  return names.filter((name) => others.every(({ right }) => right.has(name)));
}

export function sharesOf(sites: readonly ToldSite[], name: string, kept?: readonly number[]): PairedShares {
  const sums = (of: string) => addRights(sites.flatMap(({ right }) => right.get(of) ?? []));
  return sharesOfSums(addLabels(sites.map(({ labels }) => labels)), sums(name), {
    model: sums(MODEL),
    ...(kept && { kept }),
  });
}

export function momentsOf(sites: readonly ToldSite[], name: string): MomentSums | undefined {
  const own = sites.flatMap(({ told: { losses } }) => {
    const found = losses[name];
    return found ? [readMoments(found)] : [];
  });
  return own.length === sites.length && own.length > 0 ? addMoments(own) : undefined;
}

export function binsOf(sites: readonly ToldSite[], key: 'bins' | 'bins_calibrated'): ReliabilityBin[] {
  return poolBins(sites.flatMap(({ told }): readonly ToldBin[] => told[key] ?? []));
}

export function confusionOf(sites: readonly ToldSite[], classes: number): number[][] {
  return Array.from({ length: classes }, (_, truth) =>
    Array.from({ length: classes }, (_other, said) =>
      sites.reduce((sum, { told }) => sum + (told.confusion[truth]?.[said] ?? 0), 0),
    ),
  );
}

/** Areas under the ROC of each class, over pairs of images of one site, and their mean; null where no site has both kinds. */
export function areasOf(
  sites: readonly ToldSite[],
  classes: number,
): { readonly each: readonly (Figure | null)[]; readonly mean: Figure | null } {
  const weights = Array.from({ length: classes }, (_, label) => weightsOf(sites, label));
  const gram = Float64Array.from({ length: classes * classes }, (_, at) => {
    const [a, b] = [Math.floor(at / classes), at % classes];
    return sites.reduce(
      (sum, { told: { ranking } }, site) =>
        sum + numberAt(weights[a] ?? [], site) * numberAt(weights[b] ?? [], site) * (ranking.pulls[at] ?? 0),
      0,
    );
  });
  const vectors = vectorsOf(gram, classes);
  const each = Array.from({ length: classes }, (_, label) => {
    const parts = sites.flatMap(({ told: { ranking }, labels }, site): AurocOfSite[] => {
      const area = ranking.areas[label];
      if (area === null || area === undefined) return [];
      const positives = numberAt(labels.rows, label);
      return [
        {
          area,
          weight: numberAt(weights[label] ?? [], site),
          positives,
          negatives: rowsOf(labels) - positives,
          people: labels.people,
          squares: labels.sizes.reduce((sum, one) => sum + one, 0),
          alone: ranking.alone[label] ?? 0,
          against: ranking.against[label] ?? 0,
        },
      ];
    });
    const square = f64At(gram, label * classes + label);
    return aurocOfSites(parts, { square, pull: vectors[label] ?? new Float64Array() });
  });
  return { each, mean: combineFigures(each.map((figure) => [1 / classes, figure] as const)) };
}

function rowsOf({ rows }: LabelSums): number {
  return rows.reduce((sum, count) => sum + count, 0);
}

/** The share of the pairs that each site has. */
function weightsOf(sites: readonly ToldSite[], label: number): number[] {
  const pairs = sites.map(({ told: { ranking }, labels }) => {
    const positives = numberAt(labels.rows, label);
    const isTold = (ranking.areas[label] ?? null) !== null;
    return isTold ? positives * (rowsOf(labels) - positives) : 0;
  });
  const all = pairs.reduce((sum, own) => sum + own, 0);
  return pairs.map((own) => (all > 0 ? own / all : 0));
}
