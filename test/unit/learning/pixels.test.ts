import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { augment, MILD } from '../../../src/runtime/learning/dataset/augment.ts';
import { standardize } from '../../../src/runtime/learning/dataset/image-set.ts';

describe('standardize', () => {
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
