import { f32At } from '../../runtime/base/at.ts';

/**
 * The threshold that best parts values into dark and bright (Otsu, "A threshold selection method from gray-level histograms", 1979). What is
 * best is said once (`spread`); there are two ways through the values, because they differ in more than speed: counts of whole numbers
 * have a threshold that is one of them, and exact sums, while a sample has one midway between two values, and sums in the order of its values.
 */

interface All {
  readonly count: number;
  readonly sum: number;
}

/** @param counts of each value from 0; values up to and including the threshold are the dark class */
export function otsuOfCounts(counts: ArrayLike<number>): number {
  const all = { count: 0, sum: 0 };
  for (let value = 0; value < counts.length; value++) {
    all.count += counts[value] as number;
    all.sum += value * (counts[value] as number);
  }
  let best = { spread: -1, threshold: 0 };
  let [dark, darkSum] = [0, 0];
  for (let value = 0; value < counts.length; value++) {
    dark += counts[value] as number;
    darkSum += value * (counts[value] as number);
    if (dark === 0 || dark === all.count) continue;
    const found = spread(all, dark, darkSum);
    if (found > best.spread) best = { spread: found, threshold: value };
  }
  return best.threshold;
}

/** @param sorted a sample of values in rising order; values over the threshold are the bright class */
export function otsuOfSample(sorted: Float32Array): number {
  const all = { count: sorted.length, sum: sorted.reduce((sum, value) => sum + value, 0) };
  let best = { spread: -1, threshold: sorted[0] ?? 0 };
  let darkSum = 0;
  for (let dark = 1; dark < all.count; dark++) {
    const value = f32At(sorted, dark);
    const previous = f32At(sorted, dark - 1);
    darkSum += previous;
    if (value === previous) continue;
    const found = spread(all, dark, darkSum);
    if (found > best.spread) best = { spread: found, threshold: (previous + value) / 2 };
  }
  return best.threshold;
}

/** Variance between the classes, times the square of the number of all. */
function spread({ count, sum }: All, dark: number, darkSum: number): number {
  const bright = count - dark;
  const gap = darkSum / dark - (sum - darkSum) / bright;
  return dark * bright * gap * gap;
}
