import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { drawEpoch } from '../../../src/runtime/learning/dataset/order.ts';

/** Draws of each class. */
function perClass(labels: readonly number[], draws: readonly { index: number }[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { index } of draws) counts.set(labels[index] ?? -1, (counts.get(labels[index] ?? -1) ?? 0) + 1);
  return counts;
}

describe('an epoch', () => {
  it('has each picture once, in an order of its seed', () => {
    const labels = [0, 0, 1, 2, 2, 2];
    const draw = (seed: number) => drawEpoch(labels, { seed, sampling: 'shuffled' });
    expect(
      draw(1)
        .map(({ index }) => index)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4, 5]);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1).every(({ repeat }) => repeat === 0)).toBe(true);
  });

  it('has as many pictures of each class that is there, whatever their numbers', () => {
    const random = createRandom('class-balanced epochs');
    for (let trial = 0; trial < 200; trial++) {
      const labels = Array.from({ length: 1 + random.int(60) }, () => random.int(5) * random.int(2));
      const draws = drawEpoch(labels, { seed: trial, sampling: 'class_balanced' });
      const counts = [...perClass(labels, draws).values()];
      expect(draws).toHaveLength(labels.length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      const least = Math.floor(labels.length / new Set(labels).size);
      if (least > 0) expect(counts).toHaveLength(new Set(labels).size);
      // All of a class before one comes again, each time told apart.
      for (const [, own] of Map.groupBy(draws, ({ index }) => labels[index])) {
        const times = [...Map.groupBy(own, ({ index }) => index).values()];
        const there = labels.filter((label) => label === labels[own[0]?.index ?? 0]).length;
        const shown = times.map((one) => one.length);
        const rarest = shown.length < there ? 0 : Math.min(...shown);
        expect(Math.max(...shown) - rarest).toBeLessThanOrEqual(1);
        for (const one of times)
          expect(one.map(({ repeat }) => repeat).sort((a, b) => a - b)).toEqual([...one.keys()]);
      }
    }
  });

  it('is that of plain shuffling by count where a site has one class', () => {
    const draws = drawEpoch([3, 3, 3], { seed: 5, sampling: 'class_balanced' });
    expect(draws.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
  });
});
