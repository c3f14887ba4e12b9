import { numberAt } from '../../base/at.ts';
import { factorize, solve } from '../../base/cholesky.ts';
import { sum } from '../../base/sum.ts';

/**
 * ComBat from sums alone. ComBat (Johnson, Li and Rabinovic, Biostatistics 2007) estimates for each feature by how much a site's values lie
 * above those of all sites (location) and how much wider they are spread (scale), beside the class as covariate, and holds both to what the
 * site's other features show (empirical Bayes). Nothing in it needs more than counts, sums and sums of squares of each site, so that sites
 * which keep their images come to the effects of the pooled computation (Chen et al., "Privacy-preserving harmonization via distributed
 * ComBat", NeuroImage 2022).
 */

/** Of one site's training pictures: sums of each feature. */
export interface EffectSums {
  readonly site: string;
  /** Pictures of each class that the sums are over. */
  readonly pictures: readonly number[];
  /** Of each class those of each feature. */
  readonly sums: readonly (readonly number[])[];
  /** Of each feature, over all classes. */
  readonly squares: readonly number[];
}

/** A site's effects, in standard deviations of the feature over all sites: how far it lies above the others, and its variance beside theirs. */
export interface SiteEffects {
  readonly site: string;
  readonly location: readonly number[];
  readonly variance: readonly number[];
}

export interface Combat {
  /** Of each feature over all pictures. */
  readonly means: readonly number[];
  /** Standard deviation of each feature within site and class; 0: it is constant there, and has no effects. */
  readonly deviations: readonly number[];
  /** In the order given. */
  readonly sites: readonly SiteEffects[];
}

/** Below this share of a feature's sum of squares, what is left within sites and classes is rounding. */
const ROUNDING = 1e-9;
const STEADY = 1e-10;
const MOST_STEPS = 1000;

/**
 * @param given of each site, all with the same classes and features; every site has two pictures at least, and sites and classes can be
 *   told apart (`areConnected`)
 */
export function fitCombat(given: readonly EffectSums[]): Combat {
  const sites = given.map(totalsOf);
  const model = { sites, ...classesOf(sites) };
  const features = given[0]?.squares.length ?? 0;
  const fits = Array.from({ length: features }, (_, feature) => fitFeature(model, feature));
  return {
    means: fits.map(({ mean }) => mean),
    deviations: fits.map(({ deviation }) => deviation),
    sites: given.map(({ site }, at) => ({ site, ...shrink(fits.map(({ rough }) => rough[at])) })),
  };
}

interface Site extends EffectSums {
  readonly count: number;
}

function totalsOf(sums: EffectSums): Site {
  return { ...sums, count: sum(sums.pictures) };
}

interface Classes {
  /** Those that are compared with the first one there is. */
  readonly others: readonly number[];
  /** Cholesky factor of the normal equations of their effects, the sites taken out. */
  readonly factor: Float64Array;
}

function classesOf(sites: readonly Site[]): Classes {
  const all = [...(sites[0]?.pictures.keys() ?? [])];
  const present = all.filter((label) => sites.some(({ pictures }) => numberAt(pictures, label) > 0));
  const others = present.slice(1);
  const size = others.length;
  const matrix = new Float64Array(size * size);
  for (const [row, one] of others.entries())
    for (const [column, other] of others.entries())
      matrix[row * size + column] = sum(
        sites.map(({ pictures, count }) => {
          const own = numberAt(pictures, one);
          return (one === other ? own : 0) - (own * numberAt(pictures, other)) / count;
        }),
      );
  return { others, factor: factorize(matrix, size) };
}

/** What a site's values of one feature show before they are held to its other features. */
interface Rough {
  readonly count: number;
  /** Of the standardised values. */
  readonly sum: number;
  readonly squares: number;
}

interface FeatureFit {
  readonly mean: number;
  readonly deviation: number;
  /** Of each site; undefined where the feature is constant. */
  readonly rough: readonly (Rough | undefined)[];
}

type Model = Classes & { readonly sites: readonly Site[] };

function fitFeature(model: Model, feature: number): FeatureFit {
  const { sites } = model;
  const total = sum(sites.map(({ count }) => count));
  const { levels, effects } = leastSquares(model, feature);
  const level = sum(sites.map(({ count }, at) => (count * numberAt(levels, at)) / total));
  const left = sum(
    sites.map((site, at) => squaresAround(site, { feature, level: numberAt(levels, at), effects })),
  );
  const all = sum(sites.map(({ squares }) => numberAt(squares, feature)));
  const isConstant = left <= ROUNDING * all;
  const deviation = isConstant ? 0 : Math.sqrt(left / total);
  const rough = sites.map((site): Rough | undefined => {
    if (isConstant) return undefined;
    const around = { feature, level, effects };
    const { count } = site;
    return {
      count,
      sum: sumAround(site, around) / deviation,
      squares: squaresAround(site, around) / deviation ** 2,
    };
  });
  return { mean: sum(sites.map((site) => sumOf(site, feature))) / total, deviation, rough };
}

/** The level of each site and the effect of each class, by least squares. */
function leastSquares({ sites, others, factor }: Model, feature: number) {
  const right = others.map((label) =>
    sum(
      sites.map(({ sums, pictures, ...site }) => {
        const own = sums[label]?.[feature] ?? 0;
        return own - (numberAt(pictures, label) * sumOf({ ...site, sums, pictures }, feature)) / site.count;
      }),
    ),
  );
  const solved = solve(factor, others.length, Float64Array.from(right));
  const effects = new Map(others.map((label, at) => [label, solved[at] ?? 0]));
  const levels = sites.map((site) => sumAround(site, { feature, level: 0, effects }) / site.count);
  return { levels, effects };
}

interface Around {
  readonly feature: number;
  readonly level: number;
  /** Of each class but the first. */
  readonly effects: ReadonlyMap<number, number>;
}

function sumOf({ sums }: Site, feature: number): number {
  return sum(sums.map((own) => numberAt(own, feature)));
}

/** Sum of what is left of a feature when level and class are taken out. */
function sumAround({ sums, pictures }: Site, { feature, level, effects }: Around): number {
  return sum(
    pictures.map(
      (count, label) => numberAt(sums[label] ?? [], feature) - count * (level + (effects.get(label) ?? 0)),
    ),
  );
}

function squaresAround({ sums, pictures, squares }: Site, { feature, level, effects }: Around): number {
  const rest = pictures.map((count, label) => {
    const middle = level + (effects.get(label) ?? 0);
    return count * middle ** 2 - 2 * middle * numberAt(sums[label] ?? [], feature);
  });
  return Math.max(0, numberAt(squares, feature) + sum(rest));
}

interface Priors {
  readonly location: number;
  readonly spread: number;
  /** Shape and scale of the inverse gamma distribution; undefined: all features have one variance. */
  readonly gamma: { readonly shape: number; readonly scale: number } | undefined;
}

/** The effects of a site on all features, each drawn to what the others show. */
function shrink(rough: readonly (Rough | undefined)[]): Omit<SiteEffects, 'site'> {
  const known = rough.flatMap((own) => (own ? [{ ...own, location: own.sum / own.count }] : []));
  const locations = known.map(({ location }) => location);
  const variances = known.map(
    ({ count, squares, location }) => (squares - count * location ** 2) / (count - 1),
  );
  const priors = known.length > 1 ? priorsOf(locations, variances) : undefined;
  const effects = known.map((own, at) => {
    const first = { location: own.location, variance: numberAt(variances, at) };
    return priors ? posterior(own, first, priors) : first;
  });
  let next = 0;
  const each = rough.map((own) => (own ? effects[next++] : undefined) ?? { location: 0, variance: 1 });
  return { location: each.map(({ location }) => location), variance: each.map(({ variance }) => variance) };
}

function priorsOf(locations: readonly number[], variances: readonly number[]): Priors {
  const [location, spread] = momentsOf(locations);
  const [mean, square] = momentsOf(variances);
  const gamma =
    square > 0
      ? { shape: (2 * square + mean ** 2) / square, scale: (mean * square + mean ** 3) / square }
      : undefined;
  return { location, spread, gamma };
}

/** Mean and variance. */
function momentsOf(values: readonly number[]): [number, number] {
  const mean = sum(values) / values.length;
  return [mean, sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1)];
}

/** The conditional means of location and variance in turn, until they stand (Johnson et al. 2007, appendix). */
function posterior(
  { count, sum: total, squares }: Rough,
  first: { readonly location: number; readonly variance: number },
  priors: Priors,
): { location: number; variance: number } {
  let { location, variance } = first;
  for (let step = 0; step < MOST_STEPS; step++) {
    const weight = priors.spread * count;
    const divisor = weight + variance;
    const nextLocation =
      divisor > 0 ? (weight * first.location + variance * priors.location) / divisor : location;
    const left = Math.max(0, squares - 2 * nextLocation * total + count * nextLocation ** 2);
    const nextVariance = priors.gamma
      ? (left / 2 + priors.gamma.scale) / (count / 2 + priors.gamma.shape - 1)
      : first.variance;
    const change = Math.max(Math.abs(nextLocation - location), Math.abs(nextVariance - variance));
    [location, variance] = [nextLocation, nextVariance];
    if (change < STEADY) break;
  }
  return { location, variance };
}

/** Whether the effects of sites and of classes can be told apart: a chain of shared classes leads from every site to every other one. */
export function areConnected(pictures: readonly (readonly number[])[]): boolean {
  const [first, ...rest] = pictures;
  if (!first) return true;
  const reached = new Set(labelsOf(first));
  let left = rest;
  for (;;) {
    const next = left.filter((counts) => !labelsOf(counts).some((label) => reached.has(label)));
    if (next.length === left.length) return left.length === 0;
    for (const counts of left.filter((one) => !next.includes(one)))
      for (const label of labelsOf(counts)) reached.add(label);
    left = next;
  }
}

function labelsOf(counts: readonly number[]): number[] {
  return [...counts.keys()].filter((label) => numberAt(counts, label) > 0);
}
