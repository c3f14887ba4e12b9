import { f64At, i32At, numberAt } from '../base/at.ts';
/** A figure with its interval, 95 % where nothing else is said. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export const UNDEFINED: Estimate = { value: null, low: null, high: null };

/** The normal quantile of a two-sided 95 % interval; of a one-sided 95 % bound. */
export const TWO_SIDED = 1.959964;
export const ONE_SIDED = 1.644854;

/** Which group each row belongs to: images that may be of one patient. */
export interface Groups {
  /** Group of each row, 0 to `count` - 1. */
  readonly of: Int32Array;
  readonly count: number;
}

export function indexGroups(names: readonly string[]): Groups {
  const known = new Map<string, number>();
  const of = Int32Array.from(names, (name) => {
    const at = known.get(name) ?? known.size;
    known.set(name, at);
    return at;
  });
  return { of, count: known.size };
}

/** A figure that others can be made of: how far each group pulls it says how two of them move together. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** [groups]: what each group adds to the figure's error. */
  readonly pull: Float64Array;
  /** [groups]: 1 for groups that have a say. */
  readonly present: Uint8Array;
  /** Independent examples that would know the figure as well. */
  readonly trials: number;
}

export function estimateOf(figure: Figure | null | undefined): Estimate {
  return figure ? { value: figure.value, low: figure.low, high: figure.high } : UNDEFINED;
}

/**
 * Wilson's score interval for a share (Wilson, "Probable inference", 1927), whose trials need not be whole: an interval of positive width
 * at 0 and 1 as well.
 */
export function wilsonInterval(share: number, trials: number, z = TWO_SIDED): { low: number; high: number } {
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return {
    low: share === 0 ? 0 : Math.max(0, centre - half),
    high: share === 1 ? 1 : Math.min(1, centre + half),
  };
}

/**
 * How many times the variance of independent rows the figure has, for rows of groups. It is estimated where the figure varies, and that of
 * equal rows in a group where it does not: one group that errs says little of how groups hang together.
 * ratio: variance between groups over that of independent rows; undefined where neither is known. rare: groups that pull the figure away from
 * what most say
 */
export function designEffect(design: Design): number {
  const { most, alike } = likeness(design);
  return 1 + alike * (most - 1);
}

/** @param squares sum of the squares of the sizes of groups */
interface Design {
  readonly rows: number;
  readonly squares: number;
  readonly ratio: number | undefined;
  readonly rare: number;
}

/** How far two rows of one group come out alike, 0 to 1; most: rows in the group of a row, on average. */
function likeness({ rows, squares, ratio, rare }: Design): { readonly most: number; readonly alike: number } {
  const most = squares / rows;
  if (most <= 1) return { most: 1, alike: 0 };
  const known = ratio === undefined ? 1 : Math.min(1, Math.max(0, (ratio - 1) / (most - 1)));
  return { most, alike: (rare * known + 1) / (rare + 1) };
}

/** Fewer groups know their own variance less well: Student's quantile over the normal one, squared (Korn and Graubard, 1998). */
export function fewGroups(groups: number, z: number): number {
  const free = Math.max(1, groups - 1);
  const t =
    z +
    (z ** 3 + z) / (4 * free) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * free ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * free ** 3);
  return (t / z) ** 2;
}

/**
 * The share of some rows for which something holds, with Wilson's interval at the effective number of trials (clusters: Korn and Graubard, 1998;
 * Dean and Pagano, "Evaluating confidence interval methods for binomial proportions in clustered surveys", 2015). Null without rows.
 * @param holds [rows]
 * @param among [rows]: 1 for the rows that count; default all
 */
export function shareOf(
  holds: ArrayLike<number>,
  groups: Groups,
  { among, z = TWO_SIDED }: { among?: ArrayLike<number>; z?: number } = {},
): Figure | null {
  const { sizes, right, sums } = countShare(holds, groups, among);
  return figureOfSums(sums, {
    z,
    present: Uint8Array.from(sizes, (size) => (size > 0 ? 1 : 0)),
    pull: (value) => right.map((count, group) => (count - value * f64At(sizes, group)) / sums.rows),
  });
}

/** Over groups, all that a share and its interval are made of. Sums of sites that have no group in common add up. */
export interface ShareSums {
  readonly rows: number;
  /** That have rows. */
  readonly groups: number;
  /** Rows for which it holds. */
  readonly holds: number;
  /** Of the rows of a group, squared. */
  readonly sizes: number;
  /** Of those for which it holds, squared. */
  readonly squares: number;
  /** The one times the other. */
  readonly products: number;
  /** Groups with a row for which it holds; with one for which it does not. */
  readonly some: number;
  readonly missed: number;
}

/** In the order in which they are told. */
export const SHARE_SUMS = [
  'rows',
  'groups',
  'holds',
  'sizes',
  'squares',
  'products',
  'some',
  'missed',
] as const satisfies readonly (keyof ShareSums)[];

/** As `shareOf`, its sums. */
export function shareSums(holds: ArrayLike<number>, groups: Groups, among?: ArrayLike<number>): ShareSums {
  return countShare(holds, groups, among).sums;
}

function countShare(holds: ArrayLike<number>, groups: Groups, among?: ArrayLike<number>) {
  const [sizes, right] = [new Float64Array(groups.count), new Float64Array(groups.count)];
  for (let row = 0; row < groups.of.length; row++) {
    if (among && among[row] !== 1) continue;
    const group = i32At(groups.of, row);
    sizes[group] = f64At(sizes, group) + 1;
    right[group] = f64At(right, group) + (holds[row] as number);
  }
  const over = (of: (size: number, held: number) => number) =>
    sizes.reduce((sum, size, group) => sum + of(size, f64At(right, group)), 0);
  const sums: ShareSums = {
    rows: over((size) => size),
    groups: over((size) => (size > 0 ? 1 : 0)),
    holds: over((_, held) => held),
    sizes: over((size) => size ** 2),
    squares: over((_, held) => held ** 2),
    products: over((size, held) => size * held),
    some: over((_, held) => (held > 0 ? 1 : 0)),
    missed: over((size, held) => (size > held ? 1 : 0)),
  };
  return { sizes, right, sums };
}

/** How a figure of sums moves with others; a figure that stands alone needs none of it. */
interface Movement {
  readonly z?: number;
  readonly present?: Uint8Array;
  /** Of the share. */
  readonly pull?: (value: number) => Float64Array;
}

/** The share that `shareOf` finds of rows with these sums; null without rows. */
export function figureOfSums(
  sums: ShareSums,
  { z = TWO_SIDED, present = new Uint8Array(), pull = () => new Float64Array() }: Movement = {},
): Figure | null {
  const { rows, groups, holds } = sums;
  if (rows === 0) return null;
  const value = holds / rows;
  const effect = designEffect(designOf(sums));
  const trials = rows / effect / (effect > 1 ? fewGroups(groups, z) : 1);
  return { value, ...wilsonInterval(value, trials, z), pull: pull(value), present, trials };
}

/** How far two rows of one group come out alike, and how many rows the group of a row has on average. */
export function likenessOf(sums: ShareSums): { readonly most: number; readonly alike: number } {
  return likeness(designOf(sums));
}

function designOf({ rows, groups, holds, sizes, squares, products, some, missed }: ShareSums): Design {
  const value = holds / rows;
  const moved = Math.max(0, squares - 2 * value * products + value ** 2 * sizes) / rows ** 2;
  const between = spreadOf(moved, groups);
  return {
    rows,
    squares: sizes,
    ratio: value === 0 || value === 1 ? undefined : (between * rows) / (value * (1 - value)),
    rare: value < 0.5 ? some : missed,
  };
}

/** Variance of a sum of what groups add, from the sum of the squares of that. */
export function spreadOf(square: number, groups: number): number {
  return groups < 2 ? 0 : (square * groups) / (groups - 1);
}

/** A part varies at least as if this many of its trials had come out as those of all parts do. */
const PRIOR_TRIALS = 2;

/**
 * The mean of shares, as balanced accuracy is one of recalls, with Wilson's interval at the number of trials of one share that would vary as much. Null where
 * there is no share, or one of them is null.
 */
export function meanOfShares(shares: readonly (Figure | null)[], z = TWO_SIDED): Figure | null {
  const parts = shares.flatMap((share) => share ?? []);
  const [first] = parts;
  if (!first || parts.length < shares.length) return null;
  const weight = 1 / parts.length;
  const mean = (of: (part: Figure) => number) => parts.reduce((sum, part) => sum + weight * of(part), 0);
  const value = mean((part) => part.value);
  const centre = mean((part) => (part.value * part.trials + 1) / (part.trials + 2));
  const shrunk = (part: Figure) =>
    (part.value * part.trials + PRIOR_TRIALS * centre) / (part.trials + PRIOR_TRIALS);
  const variance = (part: Figure) => (shrunk(part) * (1 - shrunk(part))) / part.trials;
  const sides = parts.map((part) => weight * Math.sqrt(variance(part)));
  const own = mean(shrunk);
  const trials =
    (own * (1 - own)) /
    addSides(
      sides,
      parts.map((figure) => ({ weight, figure })),
    ) **
      2;
  const pull = first.pull.map((_, group) => mean((part) => f64At(part.pull, group)));
  const present = first.present.map((_, group) => (parts.some((part) => part.present[group] === 1) ? 1 : 0));
  return { value, ...wilsonInterval(value, trials, z), pull, present, trials };
}

/** Two figures are never known to move together wholly: as many pairs that differ are added (Agresti and Min, 2005). */
const UNSEEN_PAIRS = 2;

/**
 * A weighted sum of figures, with the interval that theirs make: each bound is as far away as the errors of the parts in that direction, added as
 * vectors that stand to each other as the figures are correlated over the groups (MOVER: Zou and Donner, "Construction of confidence limits about
 * effect measures: a general approach", 2008; for pairs, Newcombe, 1998, method 10). Null where a part is.
 */
export function combineFigures(
  terms: readonly (readonly [weight: number, figure: Figure | null])[],
): Figure | null {
  const parts: { weight: number; figure: Figure }[] = [];
  for (const [weight, figure] of terms) {
    if (!figure) return null;
    parts.push({ weight, figure });
  }
  const [first] = parts;
  if (!first) return null;
  const value = parts.reduce((sum, { weight, figure }) => sum + weight * figure.value, 0);
  const pull = first.figure.pull.map((_, group) =>
    parts.reduce((sum, { weight, figure }) => sum + weight * f64At(figure.pull, group), 0),
  );
  const present = first.figure.present.map((_, group) =>
    parts.some(({ figure }) => figure.present[group] === 1) ? 1 : 0,
  );
  const below = parts.map(({ weight, figure: { value: own, low, high } }) =>
    weight > 0 ? weight * (own - low) : -weight * (high - own),
  );
  const above = parts.map(({ weight, figure: { value: own, low, high } }) =>
    weight > 0 ? weight * (high - own) : -weight * (own - low),
  );
  const [down, up] = [below, above].map((sides) => addSides(sides, parts)) as [number, number];
  const trials = Math.min(...parts.map(({ figure }) => figure.trials));
  return { value, low: value - down, high: value + up, pull, present, trials };
}

function addSides(
  sides: readonly number[],
  parts: readonly { readonly weight: number; readonly figure: Figure }[],
): number {
  let sum = 0;
  for (const [at, one] of parts.entries()) {
    for (const [other, two] of parts.entries()) {
      const product = numberAt(sides, at) * numberAt(sides, other);
      sum += product * (at === other ? 1 : together(one, two));
    }
  }
  return Math.sqrt(Math.max(0, sum));
}

type Part = { readonly weight: number; readonly figure: Figure };

/**
 * A figure whose groups pull it less than this, squared and times its trials, does not move: what is left is rounding, of vectors from products
 * (`vectorsOf`) up to 1e-22. One row of a million that comes out otherwise pulls it by 1e-6.
 */
const ROUNDING = 1e-20;

/** How two terms of a sum move together, -1 to 1. Where one of them does not move in this sample, what makes the interval wider is taken. */
function together(one: Part, other: Part): number {
  const same = Math.sign(one.weight * other.weight);
  const [a, b] = [one.figure, other.figure];
  const size = Math.sqrt(dot(a.pull, a.pull) * dot(b.pull, b.pull));
  if (!moves(a) || !moves(b)) {
    const shared = a.present.some((own, group) => own === 1 && b.present[group] === 1);
    return shared && same > 0 ? 1 : 0;
  }
  const trials = Math.min(a.trials, b.trials);
  const correlation = dot(a.pull, b.pull) / size;
  return same * (same < 0 ? correlation * (trials / (trials + UNSEEN_PAIRS)) : correlation);
}

function moves({ pull, trials }: Figure): boolean {
  return dot(pull, pull) * trials > ROUNDING;
}

function dot(one: Float64Array, other: Float64Array): number {
  return one.reduce((sum, value, at) => sum + value * f64At(other, at), 0);
}
