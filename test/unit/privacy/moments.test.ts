import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Mechanism, runCanaries } from '../../../src/runtime/privacy/audit/canaries.ts';
import { checkMoments } from '../../../src/runtime/privacy/audit/moment-check.ts';
import { PrivateSteps, type StepTerms } from '../../../src/runtime/privacy/private-steps.ts';
import { secretRandom } from '../../../src/runtime/privacy/secret-random.ts';

const CANARIES = { groups: 20_000, parameters: 20_000, rate: 0.1, sigma: 1.1, clip: 2, steps: 12 } as const;

/** With a key and a coin by chance one run of 10,000 would fail. */
const KEY = Uint8Array.from({ length: 32 }, (_, at) => at);
const steps = (key: Uint8Array) => new PrivateSteps(CANARIES, secretRandom(key));
const real = steps(KEY);
const { perClip } = real.grid;

async function faultsOf(mechanism: Mechanism): Promise<readonly string[]> {
  const terms = { ...CANARIES, grid: real.grid };
  return checkMoments(await runCanaries(mechanism, terms, { seed: 1 }), terms).faults;
}

const changed = (change: (one: PrivateSteps) => Partial<Mechanism>): Mechanism => {
  const one = steps(KEY);
  return { draw: () => one.draw(), release: (sum) => one.release(sum), ...change(one) };
};
const terms = (change: Partial<StepTerms>) => new PrivateSteps({ ...CANARIES, ...change }, secretRandom(KEY));

const FAULTS: readonly [string, Mechanism, string][] = [
  [
    'a tenth less noise',
    changed(() => {
      const weak = terms({ sigma: 0.99 });
      return { release: (sum) => weak.release(sum) };
    }),
    'variance',
  ],
  [
    'a clip three times as long',
    changed((one) => ({ release: (sum) => one.release(sum.map((x) => 3 * x)) })),
    'mean',
  ],
  [
    'groups that are drawn too often',
    changed(() => {
      const often = terms({ rate: 0.12 });
      return { draw: () => often.draw() };
    }),
    'mean',
  ],
  [
    'a step without noise',
    changed((one) => {
      let step = 0;
      return {
        release: (sum) =>
          step++ === 3
            ? Float32Array.from(sum, (x) => (x * CANARIES.clip) / (perClip * CANARIES.rate * CANARIES.groups))
            : one.release(sum),
      };
    }),
    'variance',
  ],
  [
    'noise that is used twice',
    changed((one) => {
      let known: Float32Array | undefined;
      return {
        release: (sum) => {
          const unit = CANARIES.clip / (perClip * CANARIES.rate * CANARIES.groups);
          known ??= one.release(new Float64Array(sum.length));
          const noise = known;
          return Float32Array.from(sum, (x, at) => x * unit + (noise[at] ?? 0));
        },
      };
    }),
    'correlation',
  ],
  [
    'a divisor of those who were drawn',
    changed((one) => {
      let drawn = 0;
      return {
        draw: () => {
          const groups = one.draw();
          drawn = groups.length * 1.05;
          return groups;
        },
        release: (sum) => one.release(sum).map((x) => (x * CANARIES.rate * CANARIES.groups) / drawn),
      };
    }),
    'grid',
  ],
  [
    'no noise on a part of the numbers',
    changed((one) => ({
      release: (sum) => {
        const mean = one.release(sum);
        return mean.fill(0, 0, 5000);
      },
    })),
    'part 1 of 4',
  ],
  [
    'noise between the steps of the grid',
    changed((one) => ({ release: (sum) => one.release(sum).map((x, at) => x + 1e-7 * Math.sin(at)) })),
    'grid',
  ],
];

describe('the noise of a private job', () => {
  it('has the moments it promises, by 20,000 canaries', async () => {
    expect(await faultsOf(real)).toEqual([]);
  });

  it.each(FAULTS)('is told from %s', async (_, faulty, says) => {
    expect((await faultsOf(faulty)).join('; ')).toContain(says);
  });

  it('is on whole steps of a grid on which sums of float32 are exact', () => {
    const { sensitivity, mostUnits } = real.grid;
    expect(Math.log2(perClip) % 1).toBe(0);
    expect(sensitivity / perClip).toBeLessThan(1.0101);
    expect(mostUnits * perClip).toBe(2 ** 24);
  });

  it('is another with another key, and the same with the same', () => {
    const [one, two] = [randomBytes(32), randomBytes(32)];
    const draw = (key: Uint8Array) => Array.from({ length: 8 }, secretRandom(key).normal);
    expect(draw(one)).toEqual(draw(one));
    expect(draw(one)).not.toEqual(draw(two));
  });

  it('draws nobody and everybody, as it comes', () => {
    const few = new PrivateSteps({ ...CANARIES, groups: 3, rate: 0.1 }, secretRandom(KEY));
    const sizes = Array.from({ length: 200 }, () => few.draw().length);
    expect(Math.min(...sizes)).toBe(0);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    const all = new PrivateSteps({ ...CANARIES, groups: 3, rate: 1 }, secretRandom(KEY));
    expect(all.draw()).toEqual([0, 1, 2]);
  });
});
