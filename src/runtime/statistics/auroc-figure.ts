import { f64At, i32At, numberAt, u8At } from '../base/at.ts';
import { auroc, rankScores } from './auroc.ts';
import { designEffect, type Figure, fewGroups, type Groups, spreadOf, TWO_SIDED } from './figure.ts';

/**
 * Area under the ROC curve of one class against the rest, with Newcombe's score interval ("Confidence intervals for an effect size measure based on the
 * Mann-Whitney statistic. Part 2", 2006, method 5), which has a positive width at 1 as well. Rows of groups count as the independent ones that
 * would know the area as well (Obuchowski, "Nonparametric analysis of clustered ROC curve data", 1997). Null where either kind is missing.
 * @param scores [rows] of the class
 * @param positive [rows]: 1 for rows of the class
 */
export function aurocFigure(scores: Float64Array, positive: Uint8Array, groups: Groups): Figure | null {
  const parts = aurocParts(scores, positive, groups);
  if (!parts) return null;
  const { value, pull, sizes, positives, negatives, alone, against } = parts;
  const square = pull.reduce((sum, one) => sum + one ** 2, 0);
  const squares = sizes.reduce((sum, size) => sum + size ** 2, 0);
  const site = {
    area: value,
    weight: 1,
    positives,
    negatives,
    people: groups.count,
    squares,
    alone,
    against,
  };
  const figure = aurocOfSites([site], { square, pull });
  return figure && { ...figure, present: Uint8Array.from(sizes, (size) => (size > 0 ? 1 : 0)) };
}

/** What the area of one set of rows is made of; null where either kind is missing. */
export function aurocParts(scores: Float64Array, positive: Uint8Array, groups: Groups) {
  const ranking = rankScores(scores, positive);
  const value = auroc(ranking);
  if (value === null) return null;
  const rows = positive.length;
  const positives = positive.reduce((sum, one) => sum + one, 0);
  const counts = [rows - positives, positives] as const;
  const pull = new Float64Array(groups.count);
  const sizes = new Float64Array(groups.count);
  let alone = 0;
  for (const [row, place] of placements(ranking).entries()) {
    const kind = positive[row] === 1 ? 1 : 0;
    const own = (place - value) / counts[kind];
    alone += own ** 2;
    const group = i32At(groups.of, row);
    pull[group] = f64At(pull, group) + own;
    sizes[group] = f64At(sizes, group) + 1;
  }
  const against = value < 0.5 ? pull.filter((one) => one > 0) : pull.filter((one) => one < 0);
  return { value, positives, negatives: counts[0], pull, sizes, alone, against: against.length };
}

/** The area over the pairs of one site. */
export interface AurocOfSite {
  readonly area: number;
  /** Its share of all pairs. */
  readonly weight: number;
  readonly positives: number;
  readonly negatives: number;
  readonly people: number;
  /** Sum of the squares of their rows. */
  readonly squares: number;
  /** Variance if each row were a group. */
  readonly alone: number;
  /** Groups that pull the area to the other side of the middle. */
  readonly against: number;
}

/**
 * The area over the pairs of rows of one site each, by which sites that show no score are compared: the mean of theirs, weighted by pairs, with
 * Newcombe's interval for such a mean. Of one site it is `aurocFigure`. Null without pairs.
 * @param square sum over all groups of what each adds to the error of the mean, squared @param pull vector of that length
 */
export function aurocOfSites(
  sites: readonly AurocOfSite[],
  { square, pull }: { readonly square: number; readonly pull: Float64Array },
): Figure | null {
  if (sites.length === 0) return null;
  const total = (of: (site: AurocOfSite) => number) => sites.reduce((sum, site) => sum + of(site), 0);
  const value = Math.min(
    1,
    total(({ weight, area }) => weight * area),
  );
  const alone = total((site) => site.weight ** 2 * site.alone);
  const people = total((site) => site.people);
  const effect = designEffect({
    rows: total(({ positives, negatives }) => positives + negatives),
    squares: total(({ squares }) => squares),
    ratio: alone === 0 ? undefined : spreadOf(square, people) / alone,
    rare: total(({ against }) => against),
  });
  const scale = effect * (effect > 1 ? fewGroups(people, TWO_SIDED) : 1);
  const [low, high] = scoreInterval(
    value,
    sites.map(({ weight, positives, negatives }) => ({
      weight,
      positives: positives / scale,
      negatives: negatives / scale,
    })),
  );
  const trials = total(({ positives, negatives }) => Math.min(positives, negatives)) / scale;
  return { value, low, high, pull, present: Uint8Array.of(1), trials };
}

/** For each row, the share of rows of the other kind that it is ranked rightly against, equal scores counting half. */
function placements({ order, scores, positive }: ReturnType<typeof rankScores>): Float64Array {
  const place = new Float64Array(order.length);
  const totals = [0, 0];
  for (const kind of positive) totals[kind] = numberAt(totals, kind) + 1;
  const before = [0, 0];
  for (let at = 0; at < order.length; ) {
    const score = scores[i32At(order, at)];
    const tied = [0, 0];
    let end = at;
    for (; end < order.length && scores[i32At(order, end)] === score; end++) {
      const kind = u8At(positive, i32At(order, end));
      tied[kind] = numberAt(tied, kind) + 1;
    }
    for (; at < end; at++) {
      const row = i32At(order, at);
      const other = 1 - u8At(positive, row);
      const under = numberAt(before, other) + numberAt(tied, other) / 2;
      place[row] = (other === 0 ? under : numberAt(totals, other) - under) / numberAt(totals, other);
    }
    for (const kind of [0, 1]) before[kind] = numberAt(before, kind) + numberAt(tied, kind);
  }
  return place;
}

/** Halvings: to the precision of a float64. */
const STEPS = 52;

interface Pairs {
  readonly weight: number;
  readonly positives: number;
  readonly negatives: number;
}

/** The areas from which the found one is as far away as chance explains, by their own variance (Hanley and McNeil, 1982) in each set of pairs. */
function scoreInterval(value: number, sets: readonly Pairs[]): [low: number, high: number] {
  const variance = (area: number) =>
    sets.reduce((sum, set) => sum + set.weight ** 2 * varianceAt(area, set), 0);
  const bound = (end: 0 | 1) => {
    if (value === end) return end;
    let [inside, outside]: [number, number] = [value, end];
    for (let step = 0; step < STEPS; step++) {
      const middle = (inside + outside) / 2;
      if ((middle - value) ** 2 <= TWO_SIDED ** 2 * variance(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return [bound(0), bound(1)];
}

function varianceAt(area: number, { positives, negatives }: Pairs): number {
  const extra = Math.max(0, (positives + negatives) / 2 - 1);
  const more = (extra * (1 - area)) / (2 - area) + (extra * area) / (1 + area);
  return (area * (1 - area) * (1 + more)) / (positives * negatives);
}
