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
  const none = { ...MILD, flip: false, rotate: 0, scale: 0, shift: 0, gamma: 0 };

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

  it.each(['elastic', 'bias', 'noise', 'gibbs', 'motion'] as const)(
    'changes by %s alone, from the seed',
    (name) => {
      const own = { ...none, [name]: 0.5 };
      const plain = augment(picture, none, { random: createRandom(3) });
      const changed = augment(picture, own, { random: createRandom(3) });
      expect(changed).not.toEqual(plain);
      expect(augment(picture, own, { random: createRandom(3) })).toEqual(changed);
      expect(augment(picture, { ...own, chance: 0 }, { random: createRandom(3) })).toEqual(plain);
    },
  );

  it('moves all channels alike, and changes the greys of each by themselves', () => {
    const own = { ...MILD, elastic: 2, gamma: 0, bias: 0, chance: 0.5 };
    const [one, other] = [1, 2].map((channel) =>
      augment(picture, own, { random: createRandom(5), greys: createRandom('channel', channel) }),
    );
    expect(one).toEqual(other);
    const shaded = augment(picture, { ...own, bias: 0.5, chance: 1 }, { random: createRandom(5) });
    expect(shaded).not.toEqual(one);
  });
});
