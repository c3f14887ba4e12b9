import { FIGURE_NAMES, type FigureName } from './figures.ts';
import { NORMAL_MAD } from './measure/spread.ts';
import type { MeasuredImage } from './measured-image.ts';

/** An image whose figure lies far from those of its site. */
export interface Outlier {
  readonly figure: FigureName;
  readonly value: number;
  readonly median: number;
  /** Modified z-score (Iglewicz and Hoaglin 1993). */
  readonly z: number;
}

/** Images of one site that were compared with one another. */
export interface SiteGroup {
  readonly site: string;
  readonly images: number;
  /** By figure; those that too few images have are left out. */
  readonly compared: readonly {
    readonly figure: FigureName;
    readonly images: number;
    readonly median: number;
  }[];
}

/** Iglewicz and Hoaglin 1993 recommend this bound. */
export const OUTLYING = 3.5;
/** With fewer, one image moves the median and the spread too much for either to be said. */
export const LEAST_IMAGES = 10;
/** Of a normal distribution the standard deviation over the mean absolute deviation, for where more than half of the values are alike. */
const NORMAL_MEAN_DEVIATION = Math.sqrt(Math.PI / 2);

/** Images that stand out at their site; several kinds of images are never compared. Robust: a few bad images do not hide one another. */
export function findOutliers(
  images: readonly MeasuredImage[],
  least: number = LEAST_IMAGES,
): { readonly outliers: ReadonlyMap<string, readonly Outlier[]>; readonly groups: readonly SiteGroup[] } {
  const outliers = new Map<string, Outlier[]>();
  const bySite = Map.groupBy(images, ({ site }) => site ?? ALL);
  const groups = [...bySite].map(([site, own]): SiteGroup => {
    const compared = FIGURE_NAMES.flatMap((figure) => {
      const values = own.flatMap((image) => {
        const value = image.figures[figure];
        return typeof value === 'number' ? [{ file: image.file, value }] : [];
      });
      if (values.length < least) return [];
      const { median, deviation } = robustSpread(values.map(({ value }) => value));
      for (const { file, value } of values) {
        const z = deviation > 0 ? (value - median) / deviation : 0;
        if (Math.abs(z) <= OUTLYING) continue;
        const found = outliers.get(file) ?? [];
        outliers.set(file, [...found, { figure, value, median, z }]);
      }
      return [{ figure, images: values.length, median }];
    });
    return { site, images: own.length, compared };
  });
  return { outliers, groups: groups.sort((a, b) => (a.site < b.site ? -1 : 1)) };
}

/** What images are called whose table names no site. */
export const ALL = 'all';

function robustSpread(values: readonly number[]): { median: number; deviation: number } {
  const median = medianOf(values);
  const distances = values.map((value) => Math.abs(value - median));
  const mad = NORMAL_MAD * medianOf(distances);
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
  return { median, deviation: mad > 0 ? mad : NORMAL_MEAN_DEVIATION * mean };
}

/** In float64. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const [below, above] = [sorted[sorted.length % 2 === 1 ? half : half - 1], sorted[half]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
}
