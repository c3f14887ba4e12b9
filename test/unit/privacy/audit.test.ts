import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exactInterval, upperTails } from '../../../src/runtime/privacy/audit/binomial.ts';
import { guess, runCanaries } from '../../../src/runtime/privacy/audit/canaries.ts';
import { gaussianOneRunBound, oneRunBound } from '../../../src/runtime/privacy/audit/one-run-bound.ts';
import { epsilonBy } from '../../../src/runtime/privacy/calibrate.ts';
import { tailQuantile, upperTail } from '../../../src/runtime/privacy/normal.ts';
import { PrivateSteps } from '../../../src/runtime/privacy/private-steps.ts';
import { secretRandom } from '../../../src/runtime/privacy/secret-random.ts';

/** See test/parity/one-run-bound.py, which wrote it. */
const oracle = z
  .object({
    runs: z.array(z.tuple([z.int(), z.int(), z.int(), z.number(), z.number(), z.number()])),
    intervals: z.array(z.tuple([z.int(), z.int(), z.number(), z.number()])),
    quantiles: z.array(z.tuple([z.number(), z.number()])),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../parity/one-run-bound.json'), 'utf8')));

describe('bounds of one run', () => {
  it.each(oracle.runs)('of %i canaries, %i guesses, %i right, delta %d are those of SciPy', (...run) => {
    const [canaries, guesses, right, delta, plain, gaussian] = run;
    const guessed = { canaries, guesses, right };
    expect(Math.abs(oneRunBound(guessed, delta) - plain)).toBeLessThan(2e-4);
    expect(Math.abs(gaussianOneRunBound(guessed, delta) - gaussian)).toBeLessThan(2e-4);
  });

  it('say nothing of guesses by chance', () => {
    const guessed = { canaries: 1000, guesses: 100, right: 55 };
    expect(oneRunBound(guessed, 1e-6)).toBe(0);
    expect(gaussianOneRunBound(guessed, 1e-6)).toBe(0);
  });

  it('are below what the mechanism promises, and near what it has without noise', async () => {
    const terms = { groups: 1000, parameters: 1000, rate: 0.1, clip: 1, steps: 100 };
    const bounds: number[] = [];
    for (const sigma of [1.1, 1e-3]) {
      const steps = new PrivateSteps({ ...terms, sigma }, secretRandom(new Uint8Array(32)));
      const run = await runCanaries(steps, { ...terms, sigma, grid: steps.grid }, { seed: 3 });
      bounds.push(gaussianOneRunBound(guess(run, 0.2), 1e-6));
    }
    expect(bounds[0]).toBeLessThan(epsilonBy('pld', { rate: 0.1, sigma: 1.1, steps: 100 }, 1e-6));
    expect(bounds[1]).toBeGreaterThan(7);
  });
});

describe('chances of counts', () => {
  it.each(oracle.intervals)(
    '%i of %i have the interval of Clopper and Pearson',
    (count, trials, low, high) => {
      const found = exactInterval(count, trials);
      expect(found.low).toBeCloseTo(low, 10);
      expect(found.high).toBeCloseTo(high, 10);
    },
  );

  it('are those of drawing all outcomes one by one', () => {
    const small = fc.record({
      n: fc.integer({ min: 0, max: 9 }),
      p: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(small, ({ n, p }) => {
        const counts = new Float64Array(n + 2);
        for (let outcome = 0; outcome < 2 ** n; outcome++) {
          const ones = outcome.toString(2).replaceAll('0', '').length;
          for (let k = 0; k <= ones; k++) counts[k] = (counts[k] ?? 0) + p ** ones * (1 - p) ** (n - ones);
        }
        for (const [k, tail] of upperTails(n, p).entries()) expect(tail).toBeCloseTo(counts[k] ?? 0, 10);
      }),
    );
  });
});

describe('the quantile of a normal tail', () => {
  it.each(oracle.quantiles)('at %d is that of SciPy', (p, z) => {
    expect(Math.abs(tailQuantile(p) - z)).toBeLessThan(1e-9 * Math.max(1, Math.abs(z)));
  });

  it('is where the tail is so heavy', () => {
    const chances = fc.double({ min: 1e-200, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(chances, (p) => {
        expect(upperTail(tailQuantile(p)) / p).toBeCloseTo(1, 8);
      }),
    );
  });
});
