import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addSums,
  applyKnots,
  knotsOf,
  LANDMARK_PERCENTILES,
  landmarksOf,
  meanScale,
  type ScaleSums,
  sumsOf,
} from '../../../../src/preprocess/preparation/landmarks.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';

const PERCENT = Float32Array.from({ length: 101 }, (_, at) => at);
/** Few different values, so that landmarks of one image are the same, and values of any height. */
const image = fc
  .oneof(
    fc.array(fc.integer({ min: -3, max: 6 }), { minLength: 2, maxLength: 60 }),
    fc.array(fc.float({ min: -2000, max: 5000, noNaN: true }), { minLength: 2, maxLength: 60 }),
  )
  .map((values) => Float32Array.from(values))
  .filter((values) => landmarksOf(values) !== undefined);

function fitted(images: readonly Float32Array[]): readonly number[] {
  const [first, ...others] = images.map((values) => sumsOf(landmarksOf(values) ?? []));
  return meanScale(others.reduce<ScaleSums>(addSums, first ?? { images: 0, sums: [] }));
}

describe('landmarks of a volume', () => {
  it('are its percentiles, in whatever order its values are stored', () => {
    const shuffled = createRandom('landmarks').shuffle([...PERCENT]);
    expect(landmarksOf(Float32Array.from(shuffled))).toEqual([...LANDMARK_PERCENTILES]);
  });

  it('are not there for a volume without contrast between the first and the last', () => {
    const one = new Float32Array(1000).fill(7);
    one[500] = 90;
    expect(landmarksOf(one)).toBeUndefined();
    expect(landmarksOf(new Float32Array(0))).toBeUndefined();
  });
});

describe('a standard scale', () => {
  it('is the mean of the images, each from 0 to 100', () => {
    // A curved volume: its landmarks are the squares of the percentiles.
    const curved = PERCENT.map((value) => 40 + 3 * value ** 2);
    const [low, high] = [1, 99 ** 2];
    const expected = LANDMARK_PERCENTILES.map(
      (percent) => (((percent - 1) / 98) * 100 + ((percent ** 2 - low) / (high - low)) * 100) / 2,
    );
    for (const [at, value] of fitted([PERCENT, curved]).entries())
      expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 4);
  });

  it('is the same from the sums of two sites as from all images', () => {
    fc.assert(
      fc.property(fc.array(image, { minLength: 2, maxLength: 8 }), (images) => {
        const all = images.map((values) => sumsOf(landmarksOf(values) ?? []));
        const site = (of: readonly ScaleSums[]) => of.slice(1).reduce(addSums, of[0] as ScaleSums);
        const half = images.length >> 1;
        const apart = meanScale(addSums(site(all.slice(0, half)), site(all.slice(half))));
        for (const [at, value] of meanScale(site(all)).entries()) expect(apart[at]).toBeCloseTo(value, 9);
      }),
      { seed: 7, numRuns: 30 },
    );
  });
});

describe('a volume on a scale', () => {
  it('keeps the order of its values, has the landmarks of the scale, and goes on straight outside', () => {
    fc.assert(
      fc.property(fc.array(image, { minLength: 1, maxLength: 5 }), image, (training, values) => {
        const scale = fitted(training);
        const landmarks = landmarksOf(values) ?? [];
        const knots = knotsOf(landmarks, scale);
        const [first, last] = [landmarks[0] ?? 0, landmarks.at(-1) ?? 0];
        const span = last - first;
        const asked = Float32Array.from([
          ...values,
          first - span,
          first - 2 * span,
          last + span,
          last + 2 * span,
        ]);
        const sorted = asked.slice().sort();
        const made = applyKnots(sorted, knots);
        for (let at = 1; at < made.length; at++)
          expect(made[at]).toBeGreaterThanOrEqual(made[at - 1] ?? Number.NaN);
        expect(made.every(Number.isFinite)).toBe(true);
        for (const [at, knot] of knots.from.entries()) {
          const [value] = applyKnots(Float32Array.of(knot), knots);
          expect(value).toBeCloseTo(knots.to[at] ?? Number.NaN, 3);
        }
        const [below, far, low, above, beyond, high] = applyKnots(
          Float32Array.of(first - span, first - 2 * span, first, last + span, last + 2 * span, last),
          knots,
        ) as unknown as [number, number, number, number, number, number];
        // The end of float32 is the end of a straight line.
        if (Math.max(...made.map(Math.abs)) > 1e38) return;
        const near = (one: number, other: number) =>
          expect(Math.abs(one - other)).toBeLessThanOrEqual(1e-4 * (1 + Math.abs(one) + Math.abs(other)));
        near(low - below, below - far);
        near(above - high, beyond - above);
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  it('is the same whatever gain and offset its scanner has', () => {
    const random = createRandom('scanner');
    const values = Float32Array.from({ length: 4000 }, () => 100 + 30 * random.normal());
    const scale = fitted([values.map((value) => value ** 2)]);
    const on = (data: Float32Array) => applyKnots(data, knotsOf(landmarksOf(data) ?? [], scale));
    const [one, other] = [on(values), on(values.map((value) => 7 * value - 300))];
    for (const [at, value] of one.entries()) expect(other[at]).toBeCloseTo(value, 2);
  });
});
