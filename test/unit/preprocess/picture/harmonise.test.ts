import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greysOfScale, harmonise, tissueLandmarks } from '../../../../src/preprocess/picture/harmonise.ts';

const pictures = fc
  .array(fc.uint8Array({ minLength: 64, maxLength: 64 }), { minLength: 1, maxLength: 4 })
  .map((all) => all.map((one) => Uint8Array.from(one)));
const landmarks = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 11, maxLength: 11 });
const goal = fc.oneof(
  landmarks(fc.double({ min: 0, max: 100, noNaN: true })).map((scale) => ({
    greys: greysOfScale(scale.sort((a, b) => a - b)),
  })),
  fc.record({
    gain: landmarks(fc.double({ min: 0.2, max: 5, noNaN: true })),
    offset: landmarks(fc.double({ min: -80, max: 80, noNaN: true })),
  }),
);

describe('a harmonised picture', () => {
  it('has black where there is no tissue, tissue where there is some, and the order of its greys', () => {
    fc.assert(
      fc.property(pictures, goal, (given, own) => {
        const shown = harmonise(given, { id: 'x', goal: own });
        const both = given.flatMap((picture, at) =>
          [...picture].map((grey, pixel) => [grey, shown[at]?.[pixel] ?? -1] as const),
        );
        const sorted = both.sort(([a], [b]) => a - b);
        for (const [at, [grey, now]] of sorted.entries()) {
          if (grey <= 12) expect(now).toBe(0);
          else expect(now).toBeGreaterThan(12);
          const [before, was] = sorted[at - 1] ?? [grey, now];
          expect(now).toBeGreaterThanOrEqual(was);
          if (before === grey) expect(now).toBe(was);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has its landmarks where they are to lie', () => {
    const ramp = Uint8Array.from({ length: 900 }, (_, at) => 20 + Math.floor(at / 5));
    const greys = [20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 240];
    const [shown = ramp] = harmonise([ramp], { id: 'x', goal: { greys } });
    for (const [at, grey] of (tissueLandmarks([shown]) ?? []).entries())
      expect(Math.abs(grey - (greys[at] ?? 0))).toBeLessThanOrEqual(2);
  });

  it('is the same from scanners whose greys are a rising curve of one another', () => {
    const anatomy = Uint8Array.from({ length: 4096 }, (_, at) => 30 + ((at * 37) % 200));
    const other = anatomy.map((grey) => Math.round(255 * (grey / 255) ** 0.7));
    const harmony = { id: 'x', goal: { greys: greysOfScale([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]) } };
    const [one = anatomy, two = anatomy] = harmonise([anatomy], harmony).concat(harmonise([other], harmony));
    const apart = one.map((grey, at) => Math.abs(grey - (two[at] ?? 0)));
    expect(Math.max(...apart)).toBeLessThanOrEqual(6);
    expect(Math.max(...anatomy.map((grey, at) => Math.abs(grey - (other[at] ?? 0))))).toBeGreaterThan(25);
  });

  it('of one grey alone is left as it is', () => {
    const flat = new Uint8Array(64).fill(90);
    expect(harmonise([flat], { id: 'x', goal: { greys: greysOfScale([0, 100]) } })).toEqual([flat]);
  });
});
