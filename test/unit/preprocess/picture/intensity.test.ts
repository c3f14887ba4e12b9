import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { otsuOfCounts, otsuOfSample } from '../../../../src/preprocess/image/otsu.ts';
import { applyWindow, findWindow } from '../../../../src/preprocess/picture/intensity.ts';
import { quantile, sortedSample } from '../../../../src/preprocess/picture/quantiles.ts';

describe('intensity', () => {
  const image = Float32Array.from({ length: 4000 }, (_, at) =>
    at % 4 === 0 ? 10 + (at % 7) : 500 + (at % 90),
  );

  it('parts air and head between the two', () => {
    const threshold = otsuOfSample(sortedSample(image));
    expect(threshold).toBeGreaterThan(17);
    expect(threshold).toBeLessThan(500);
  });

  it('parts whole numbers at the same place, counted or one by one', () => {
    const values = fc.array(fc.nat(40), { minLength: 2, maxLength: 200 });
    fc.assert(
      fc.property(values, (numbers) => {
        const counts = new Uint32Array(41);
        for (const value of numbers) counts[value] = (counts[value] ?? 0) + 1;
        const sorted = Float32Array.from(numbers).sort();
        const darkest = (threshold: number) => sorted.filter((value) => value <= threshold).length;
        if (new Set(numbers).size > 1)
          expect(darkest(otsuOfSample(sorted))).toBe(darkest(otsuOfCounts(counts)));
      }),
    );
  });

  it('does not care for gain and offset, nor for one hot voxel', () => {
    const shades = (data: Float32Array) => {
      const window = findWindow(data);
      return window && [...data.subarray(1, 50)].map((value) => applyWindow(value, window));
    };
    const expected = shades(image) ?? [];
    const hot = image.map((value, at) => (at === 2222 ? 1e7 : 3 * value - 1000));
    for (const [at, value] of (shades(hot) ?? []).entries()) expect(value).toBeCloseTo(expected[at] ?? 9, 2);
  });

  it('finds no window in an image of one value', () => {
    expect(findWindow(new Float32Array(100).fill(7))).toBeUndefined();
    expect(findWindow(new Float32Array(1))).toBeUndefined();
  });

  it('sorts a sample as Float32Array.sort does, to the sign of zero', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, maxLength: 300 }), (numbers) => {
        expect(sortedSample(numbers)).toEqual(numbers.toSorted());
      }),
    );
  });

  it('finds quantiles of a sample', () => {
    const sorted = sortedSample(Float32Array.from({ length: 200_001 }, (_, at) => 200_000 - at));
    expect(quantile(sorted, 0.5) / 100_000).toBeCloseTo(1, 3);
    expect(quantile(sorted, 0.995) / 199_000).toBeCloseTo(1, 3);
  });
});
