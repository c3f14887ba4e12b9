import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExamples } from '../../../src/runtime/base/logging/check-figures.ts';
import { weighResults } from '../../../src/runtime/federation/weigh-results.ts';
import { readModel, writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { weightedMean } from '../../support/weighted-mean.ts';

const root = tempFolder();
const RATIO = 100;
/** The unit of exact numbers is 2 to the power of minus this. */
const BITS = 1200;

/** A number as a whole number of units. */
function exact(number: number): bigint {
  let [value, shift] = [number, 0];
  for (; !Number.isInteger(value); value *= 2) shift++;
  return BigInt(value) << BigInt(BITS - shift);
}

/** Twice the median of what is left of a sorted list without its largest. */
function twiceMedian(sorted: readonly bigint[]): bigint | undefined {
  const others = sorted.slice(0, -1);
  const middle = Math.floor(others.length / 2);
  const [low, high] = [others[others.length % 2 === 1 ? middle : middle - 1], others[middle]];
  return low === undefined || high === undefined ? undefined : low + high;
}

/** The mean with no weight over `RATIO` times the median of the others, without rounding but the last. */
function exactMean(sites: readonly { readonly examples: number; readonly value: number }[]): number {
  const own = sites.map(({ examples }) => exact(examples));
  const median = twiceMedian([...own].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  const cap = median === undefined ? undefined : (BigInt(RATIO) * median) / 2n;
  const weights = own.map((weight) => (cap !== undefined && weight > cap ? cap : weight));
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  const scaled = sites.reduce((sum, { value }, at) => sum + (weights[at] ?? 0n) * exact(value), 0n);
  return Number((scaled << 60n) / total / (1n << BigInt(BITS))) / 2 ** 60;
}

async function meanOf(sites: readonly { readonly examples: number; readonly value: number }[]) {
  const results = await Promise.all(
    sites.map(async ({ examples, value }, at) => ({
      site: `site-${at + 1}`,
      paramsType: 'FULL' as const,
      numExamples: examples,
      metrics: {},
      seconds: 0,
      files: {
        model: { path: await writeModel(root, `update-${at}`, { x: float32([value]) }), sha256: '' },
      },
    })),
  );
  const files = { at: ({ path }: { path: string }) => path };
  const { contributions } = weighResults(results, { files, maxWeightRatio: RATIO });
  const target = join(root, 'target.safetensors');
  const base = await writeModel(root, 'base', { x: float32([0]) });
  await weightedMean({ base, target, contributions });
  return (await readModel(target)).x?.data[0];
}

function isTaken(examples: number): boolean {
  try {
    return checkExamples(examples) === examples;
  } catch {
    return false;
  }
}

describe('a weighted mean', () => {
  it('is that of exact numbers for all weights that are taken, the smallest beside the largest', async () => {
    const between = (least: number, most: number) =>
      fc.double({ min: least, max: most, noNaN: true }).map((power) => 10 ** power);
    const site = fc.record({
      examples: fc.oneof(between(-6, 12), between(-323, 12), fc.constantFrom(5e-324, 1e-6, 1e12)),
      value: fc.double({ min: -10, max: 10, noNaN: true }).map((value) => Math.fround(value)),
    });
    const honest = fc.record({
      examples: between(0, 4),
      value: fc.constantFrom(0.3, 0.001, 5).map(Math.fround),
    });
    const sites = fc.tuple(honest, fc.array(site, { maxLength: 4 })).map(([first, rest]) => [first, ...rest]);
    await fc.assert(
      fc.asyncProperty(sites, async (given) => {
        const taken = given.filter(({ examples }) => isTaken(examples));
        const most = Math.max(...taken.map(({ value }) => Math.abs(value)));
        expect(Math.abs(((await meanOf(taken)) ?? Number.NaN) - exactMean(taken))).toBeLessThanOrEqual(
          2 ** -23 * most,
        );
      }),
      {
        numRuns: 60,
        seed: 7,
        examples: [
          [
            [
              { examples: 30, value: 1 },
              { examples: 5e-324, value: 0.5 },
            ],
          ],
        ],
      },
    );
  });
});
