import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noiseFor } from '../../src/runtime/privacy/calibrate.ts';
import { transform } from '../../src/runtime/privacy/fft.ts';
import { gaussianEpsilon } from '../../src/runtime/privacy/gaussian.ts';
import { pldEpsilon } from '../../src/runtime/privacy/pld.ts';
import { epsilonOfRdp, rdpCurve } from '../../src/runtime/privacy/rdp.ts';

const rate = fc.double({ min: 0.001, max: 1, noNaN: true });
const sigma = fc.double({ min: 0.6, max: 20, noNaN: true });
const steps = fc.integer({ min: 1, max: 500 });
const delta = fc.double({ min: 1e-8, max: 1e-2, noNaN: true });
const settings = { numRuns: 12 };

const byRdp = (event: { rate: number; sigma: number; steps: number }, at: number) =>
  epsilonOfRdp(rdpCurve(event), at).epsilon;
/** A coarse grid: quick, and still never below the truth. */
const byPld = (event: { rate: number; sigma: number; steps: number }, at: number) =>
  pldEpsilon(event, at, 1e-2);

describe('epsilon', () => {
  for (const [name, epsilonOf, slack] of [
    ['by RDP', byRdp, 1e-9],
    ['by PLD', byPld, 1e-6],
  ] as const)
    it(`grows with steps and rate, falls with noise and delta ${name}`, () => {
      fc.assert(
        fc.property(rate, sigma, steps, delta, (q, s, t, d) => {
          const here = epsilonOf({ rate: q, sigma: s, steps: t }, d);
          const room = slack * Math.max(1, here);
          expect(epsilonOf({ rate: q, sigma: s, steps: t + 1 }, d)).toBeGreaterThanOrEqual(here - room);
          expect(epsilonOf({ rate: q * 0.9, sigma: s, steps: t }, d)).toBeLessThanOrEqual(here + room);
          expect(epsilonOf({ rate: q, sigma: s * 1.1, steps: t }, d)).toBeLessThanOrEqual(here + room);
          expect(epsilonOf({ rate: q, sigma: s, steps: t }, d / 2)).toBeGreaterThanOrEqual(here - room);
        }),
        settings,
      );
    });

  it('of the whole set is nowhere below that of Balle and Wang', () => {
    fc.assert(
      fc.property(sigma, steps, delta, (s, t, d) => {
        const exact = gaussianEpsilon(s / Math.sqrt(t), d);
        expect(byRdp({ rate: 1, sigma: s, steps: t }, d)).toBeGreaterThanOrEqual(exact - 1e-9);
        expect(byPld({ rate: 1, sigma: s, steps: t }, d)).toBeGreaterThanOrEqual(exact - 1e-9);
      }),
      settings,
    );
  });

  it('by PLD is not above that by RDP where the grid is fine enough to tell', () => {
    fc.assert(
      fc.property(rate, sigma, steps, (q, s, t) => {
        const event = { rate: q, sigma: s, steps: t };
        const loose = byRdp(event, 1e-5);
        fc.pre(loose > 0.1 && loose < 50);
        expect(pldEpsilon(event, 1e-5)).toBeLessThanOrEqual(loose + 1e-3);
      }),
      { numRuns: 5 },
    );
  });

  it('is kept to by the noise that is found for it', () => {
    fc.assert(
      fc.property(rate, steps, fc.double({ min: 0.5, max: 12, noNaN: true }), delta, (q, t, e, d) => {
        const noise = noiseFor({ rate: q, steps: t, epsilon: e, delta: d }, 'rdp');
        fc.pre(noise !== undefined);
        const found = noise ?? Number.NaN;
        expect(byRdp({ rate: q, steps: t, sigma: found }, d)).toBeLessThanOrEqual(e);
        if (found > 0.06) expect(byRdp({ rate: q, steps: t, sigma: found * 0.999 }, d)).toBeGreaterThan(e);
      }),
      { numRuns: 6 },
    );
  });
});

describe('the Fourier transform', () => {
  it('is the sum that defines it, and its own inverse', () => {
    const numbers = (count: number) =>
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: count, maxLength: count });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }).chain((power) => fc.tuple(numbers(2 ** power), numbers(2 ** power))),
        ([real, imaginary]) => {
          const count = real.length;
          const spectrum = { re: Float64Array.from(real), im: Float64Array.from(imaginary) };
          transform(spectrum, 'forward');
          for (let frequency = 0; frequency < count; frequency++) {
            let [re, im] = [0, 0];
            for (const [at, x] of real.entries()) {
              const y = imaginary[at] ?? 0;
              const angle = (-2 * Math.PI * at * frequency) / count;
              re += x * Math.cos(angle) - y * Math.sin(angle);
              im += x * Math.sin(angle) + y * Math.cos(angle);
            }
            expect(spectrum.re[frequency]).toBeCloseTo(re, 10);
            expect(spectrum.im[frequency]).toBeCloseTo(im, 10);
          }
          transform(spectrum, 'back');
          for (const [at, x] of real.entries()) expect(spectrum.re[at]).toBeCloseTo(x, 12);
        },
      ),
    );
  });
});
