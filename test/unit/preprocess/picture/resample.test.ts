import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GreyImage } from '../../../../src/preprocess/image/grey-image.ts';
import { resample } from '../../../../src/preprocess/picture/resample.ts';

function plane(
  width: number,
  height: number,
  value: (x: number, y: number) => number,
): GreyImage<Float32Array> {
  const pixels = Float32Array.from({ length: width * height }, (_, at) =>
    value(at % width, Math.floor(at / width)),
  );
  return { width, height, pixels };
}

const whole = ({ width, height }: GreyImage<Float32Array>) => ({ left: 0, top: 0, width, height });

describe('resample', () => {
  it('copies when the size stays', () => {
    const source = plane(5, 5, (x, y) => x + 10 * y);
    expect(resample(source, whole(source), 5)).toEqual(source.pixels);
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
