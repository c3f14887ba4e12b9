import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyWindow, findWindow } from '../../../src/preprocess/picture/intensity.ts';
import { otsuThreshold, quantile, sortedSample } from '../../../src/preprocess/picture/quantiles.ts';
import { type Plane, resample } from '../../../src/preprocess/picture/resample.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { augment, MILD } from '../../../src/runtime/learning/dataset/augment.ts';
import { standardize } from '../../../src/runtime/learning/dataset/image-set.ts';

function plane(width: number, height: number, value: (x: number, y: number) => number): Plane {
  const data = Float32Array.from({ length: width * height }, (_, at) =>
    value(at % width, Math.floor(at / width)),
  );
  return { width, height, data };
}

const whole = ({ width, height }: Plane) => ({ left: 0, top: 0, width, height });

describe('resample', () => {
  it('copies when the size stays', () => {
    const source = plane(5, 5, (x, y) => x + 10 * y);
    expect(resample(source, whole(source), 5)).toEqual(source.data);
  });

  it('keeps an even grey away from the border', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 70 }), fc.integer({ min: 8, max: 40 }), (side, size) => {
        const source = plane(side, side, () => 0.5);
        const middle = resample(source, whole(source), size)[(size >> 1) * size + (size >> 1)];
        expect(middle).toBeCloseTo(0.5, 5);
      }),
    );
  });

  it('averages fine stripes instead of picking some', () => {
    const source = plane(64, 64, (x) => x % 2);
    const shrunk = resample(source, whole(source), 8);
    expect(
      Math.max(...shrunk.map((value) => Math.abs(value - 0.5)).subarray(2 * 8 + 2, 2 * 8 + 6)),
    ).toBeLessThan(0.02);
  });

  it('gives zero outside the source', () => {
    const source = plane(4, 4, () => 1);
    const padded = resample(source, { left: -4, top: -4, width: 12, height: 12 }, 12);
    expect([padded[0], padded[6 * 12 + 6], padded[11 * 12 + 11]]).toEqual([0, 1, 0]);
  });
});

describe('intensity', () => {
  const image = Float32Array.from({ length: 4000 }, (_, at) =>
    at % 4 === 0 ? 10 + (at % 7) : 500 + (at % 90),
  );

  it('parts air and head between the two', () => {
    const threshold = otsuThreshold(sortedSample(image));
    expect(threshold).toBeGreaterThan(17);
    expect(threshold).toBeLessThan(500);
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

  it('standardises by the tissue and stays finite on black', () => {
    expect(standardize(new Float32Array(9)).every(Number.isFinite)).toBe(true);
    const pixels = standardize(
      Float32Array.from({ length: 100 }, (_, at) => (at < 50 ? 0 : 0.4 + (at % 5) / 20)),
    );
    const tissue = pixels.subarray(50);
    expect(tissue.reduce((sum, value) => sum + value, 0) / 50).toBeCloseTo(0, 4);
    expect(pixels[0]).toBe(-3);
  });
});

describe('augment', () => {
  const picture = Uint8Array.from({ length: 256 }, (_, at) => (at * 37) % 256);
  const none = { flip: false, rotate: 0, scale: 0, shift: 0, gamma: 0 };

  it('changes nothing when all amounts are zero', () => {
    const same = augment(picture, none, { random: createRandom(1) });
    for (const [at, value] of same.entries()) expect(value).toBeCloseTo((picture[at] ?? 0) / 255, 4);
  });

  it('flips half of the pictures, exactly', () => {
    const rows = Array.from({ length: 40 }, (_, seed) =>
      augment(picture, { ...none, flip: true }, { random: createRandom(seed) }),
    );
    const flipped = rows.filter((pixels) => Math.abs((pixels[0] ?? 0) - (picture[15] ?? 0) / 255) < 1e-4);
    expect(flipped.length).toBeGreaterThan(10);
    expect(flipped.length).toBeLessThan(30);
  });

  it('follows from the seed and stays within [0, 1]', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const changed = augment(picture, MILD, { random: createRandom(seed) });
        expect(augment(picture, MILD, { random: createRandom(seed) })).toEqual(changed);
        expect(changed.every((value) => value >= 0 && value <= 1)).toBe(true);
      }),
    );
  });
});
