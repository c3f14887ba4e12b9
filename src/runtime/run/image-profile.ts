import { z } from 'zod';
import { f64At, numberAt } from '../base/at.ts';
import { factorize, solve } from '../base/cholesky.ts';
import { LEAST_PEOPLE } from '../base/least-people.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';

/** The figure by which a site tells what its training pictures look like. */
export const IMAGE_PROFILE = 'image_profile';

/** Distances are counted in steps of so much, as many as there are bins; the last bin has all that are farther. */
export const DISTANCE_STEP = 0.25;
export const DISTANCE_BINS = 160;
/** Of images like those trained on, at most this share is called unlike. */
export const FALSE_ALARMS = 0.05;

const count = z.int().min(0).max(1e9);
const numbers = z.array(z.number()).max(10_000);

/** What a site says: sums over its training pictures, and how far its held-out pictures lie from them. */
const siteProfileSchema = z.strictObject({
  version: z.literal(1),
  image_size: z.int().min(1),
  separate: z.boolean().describe('whether every slice of a volume is a picture'),
  pictures: count,
  groups: count.optional().describe('patients that the pictures are of'),
  sums: numbers.describe('of each feature'),
  products: numbers.describe('of each pair of features, the lower triangle row by row'),
  held_out: z
    .array(count)
    .max(DISTANCE_BINS)
    .describe('held-out pictures by their distance, in steps of 0.25'),
});
export type SiteProfile = Readonly<z.output<typeof siteProfileSchema>>;

const profileSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('neuroflare-image-profile'),
  sites: z.array(siteProfileSchema).min(1),
});
/** What the training pictures of a run look like, of each site that told it: `image_profile.json`. */
export type ImageProfile = Readonly<z.output<typeof profileSchema>>;

/**
 * Of the figures of the sites; undefined where none has told. What is of another form than most sites tell it in is left out, and what no pictures
 * have: one site would decide alone whether anything can be told.
 */
export function profileOf(results: readonly { readonly metrics: MetricReport }[]): ImageProfile | undefined {
  const sites = results.flatMap(({ metrics }) => {
    const found = siteProfileSchema.safeParse(metrics[IMAGE_PROFILE]).data;
    return found && isWhole(found) ? [found] : [];
  });
  const forms = Map.groupBy(sites, (one) => [one.image_size, one.separate, one.sums.length].join());
  const [alike] = [...forms.values()].sort((a, b) => b.length - a.length);
  return alike && { version: 1, kind: 'neuroflare-image-profile', sites: alike };
}

function isWhole(site: SiteProfile): boolean {
  const { sums, products, pictures, groups = pictures } = site;
  return (
    Math.min(pictures, groups) >= LEAST_PEOPLE &&
    products.length === (sums.length * (sums.length + 1)) / 2 &&
    factorOf(site) !== undefined
  );
}

/**
 * The figures of a task without the profile, where that is not of so many groups, or says nothing of them.
 * @param least undefined: no profile may leave
 */
export function withoutProfile<Figures extends Readonly<Record<string, unknown>>>(
  metrics: Figures,
  least: number | undefined,
): Figures {
  const told = metrics[IMAGE_PROFILE];
  if (told === undefined || told === null) return metrics;
  const groups = siteProfileSchema.safeParse(told).data?.groups ?? 0;
  return least !== undefined && groups >= least ? metrics : { ...metrics, [IMAGE_PROFILE]: null };
}

/** Undefined: it is none of this version. */
export function parseProfile(value: unknown): ImageProfile | undefined {
  const found = profileSchema.safeParse(value).data;
  const sites = found?.sites.filter(isWhole) ?? [];
  return found && sites.length > 0 ? { ...found, sites } : undefined;
}

/** Drawn to the diagonal so much: with few pictures the covariance of many features is not well known (Ledoit and Wolf 2004). */
const SHRINKAGE = 0.05;
/** Added to every variance: features that hardly vary would decide alone. */
const LEAST_VARIANCE = 1e-4;

/** Sums are rounded before they leave a site: a variance that is nothing may come out below it, by so much of the mean square. */
const ROUNDING = 1e-5;

type Sums = Pick<SiteProfile, 'pictures' | 'sums' | 'products'>;

/** Cholesky's factor of the covariance of the features; undefined where no pictures can have such sums. */
function factorOf({ pictures, sums, products }: Sums): Float64Array | undefined {
  const size = sums.length;
  const means = sums.map((value) => value / pictures);
  const matrix = new Float64Array(size * size);
  for (let row = 0, at = 0; row < size; row++)
    for (let column = 0; column <= row; column++, at++) {
      const square = numberAt(means, row) * numberAt(means, column);
      const own = numberAt(products, at) / pictures - square;
      if (row === column && !(own >= -ROUNDING * (1 + square))) return undefined;
      const covariance = (own * pictures) / (pictures - 1);
      matrix[row * size + column] =
        row === column ? Math.max(0, covariance) + LEAST_VARIANCE : (1 - SHRINKAGE) * covariance;
    }
  if (!matrix.every(Number.isFinite)) return undefined;
  try {
    return factorize(matrix, size);
  } catch {
    return undefined;
  }
}

/** Mahalanobis distance of features from the pictures of one site. @param site whose sums pictures can have */
export function distanceTo(site: Sums): (features: Float64Array) => number {
  const { pictures, sums } = site;
  const size = sums.length;
  const means = sums.map((value) => value / pictures);
  const factor = factorOf(site);
  if (!factor) throw new Error('No pictures have such sums.');
  return (features) => {
    const off = features.map((value, at) => value - numberAt(means, at));
    const solved = solve(factor, size, off);
    return Math.sqrt(
      Math.max(
        0,
        off.reduce((total, value, at) => total + value * f64At(solved, at), 0),
      ),
    );
  };
}

/** What tells images that are unlike those of training. */
interface LikenessJudge {
  /** Farther images are unlike; undefined: too few held-out images were told of to say. */
  readonly threshold: number | undefined;
  readonly heldOut: number;
  readonly distance: (features: Float64Array) => number;
}

/**
 * The distance is that from the nearest site, the threshold comes from held-out images of the sites, each seen from its own: so no more than
 * `FALSE_ALARMS` of such images lie beyond it, whatever their distribution (split conformal prediction, Vovk et al. 2005). Bins are rounded up.
 */
export function likenessJudge({ sites }: ImageProfile): LikenessJudge {
  const distances = sites.map(distanceTo);
  const bins = Array.from({ length: DISTANCE_BINS }, (_, bin) =>
    sum(sites.map(({ held_out: own }) => own[bin] ?? 0)),
  );
  const heldOut = sum(bins);
  const rank = Math.ceil((heldOut + 1) * (1 - FALSE_ALARMS));
  let seen = 0;
  const bin = bins.findIndex((own) => {
    seen += own;
    return seen >= rank;
  });
  // The farthest bin has no end.
  const isKnown = rank <= heldOut && bin < DISTANCE_BINS - 1;
  return {
    threshold: isKnown ? (bin + 1) * DISTANCE_STEP : undefined,
    heldOut,
    distance: (features) => Math.min(...distances.map((own) => own(features))),
  };
}
