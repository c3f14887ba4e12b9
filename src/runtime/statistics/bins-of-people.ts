import { f64At, i32At, numberAt, u8At } from '../base/at.ts';
import { CALIBRATION_BINS, type Confidences, type ReliabilityBin } from './calibration.ts';
import type { Groups } from './figure.ts';

/** Images of like confidence: how many, the sum of their confidence, and how many are right. */
export type ToldBin = readonly [count: number, confidence: number, right: number];

/**
 * Bins of equal mass as `reliabilityBins`, of which neighbours are joined until each is of as many people as may be told of. None where all are fewer.
 * @param least people of a bin
 */
export function binsOfPeople(sorted: Confidences, groups: Groups, least: number): ToldBin[] {
  const { order, confidence, right } = sorted;
  const bins: { count: number; confidence: number; right: number; people: Set<number>; place: number }[] = [];
  for (const [before, row] of order.entries()) {
    const place = Math.floor((before / order.length) * CALIBRATION_BINS);
    const last = bins.at(-1);
    const isFull = last !== undefined && last.place !== place && last.people.size >= least;
    const bin =
      last && !isFull ? last : { count: 0, confidence: 0, right: 0, people: new Set<number>(), place };
    if (bin !== last) bins.push(bin);
    bin.place = place;
    bin.count++;
    bin.confidence += f64At(confidence, row);
    bin.right += u8At(right, row);
    bin.people.add(i32At(groups.of, row));
  }
  const last = bins.at(-1);
  const before = bins.at(-2);
  if (last && before && last.people.size < least) {
    before.count += last.count;
    before.confidence += last.confidence;
    before.right += last.right;
    bins.pop();
  }
  if (bins.length === 1 && (bins[0]?.people.size ?? 0) < least) return [];
  return bins.map(({ count, confidence: sum, right: hits }) => [count, sum, hits]);
}

/** Bins of several sites as bins of about equal mass: each goes whole to where its middle lies in the order of confidence. */
export function poolBins(told: readonly ToldBin[]): ReliabilityBin[] {
  const sorted = told.filter(([count]) => count > 0).toSorted(([a, sum], [b, other]) => sum / a - other / b);
  const total = sorted.reduce((sum, [count]) => sum + count, 0);
  const bins = Array.from({ length: CALIBRATION_BINS }, () => [0, 0, 0]);
  let before = 0;
  for (const [count, confidence, right] of sorted) {
    const bin = bins[Math.floor(((before + count / 2) / total) * CALIBRATION_BINS)];
    before += count;
    if (!bin) continue;
    for (const [at, value] of [count, confidence, right].entries()) bin[at] = numberAt(bin, at) + value;
  }
  return bins.flatMap(([count = 0, confidence = 0, right = 0]) =>
    count === 0 ? [] : [{ count, confidence: confidence / count, accuracy: right / count }],
  );
}
