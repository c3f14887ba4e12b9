/**
 * Threshold that best separates two classes of values (Otsu, "A threshold selection method from gray-level histograms",
 * 1979): values up to and including it are the dark class.
 * @param counts of each value from 0
 */
export function otsuThreshold(counts: ArrayLike<number>): number {
  let total = 0;
  let sum = 0;
  for (let value = 0; value < counts.length; value++) {
    total += counts[value] as number;
    sum += value * (counts[value] as number);
  }
  let best = 0;
  let bestVariance = -1;
  let darkCount = 0;
  let darkSum = 0;
  for (let value = 0; value < counts.length; value++) {
    darkCount += counts[value] as number;
    darkSum += value * (counts[value] as number);
    const brightCount = total - darkCount;
    if (darkCount === 0 || brightCount === 0) continue;
    const gap = darkSum / darkCount - (sum - darkSum) / brightCount;
    const variance = darkCount * brightCount * gap * gap;
    if (variance > bestVariance) [best, bestVariance] = [value, variance];
  }
  return best;
}
