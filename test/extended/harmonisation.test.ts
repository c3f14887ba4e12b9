import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatePhantom } from '../../src/preprocess/phantom/generate.ts';
import { harmonise } from '../../src/runtime/algorithms/harmonisation/harmonise.ts';
import {
  type Harmonisation,
  type Method,
  parseHarmonisation,
} from '../../src/runtime/algorithms/harmonisation/record.ts';
import { isHarmoniseTask } from '../../src/runtime/algorithms/harmonisation/tasks.ts';
import { compareScanners } from '../../src/runtime/evaluation/compare-scanners.ts';
import { labelledData, readEvaluationData } from '../../src/runtime/evaluation/site-data.ts';
import { harmoniseSums } from '../../src/runtime/learning/dataset/harmonise-sums.ts';
import { harmonyOf } from '../../src/runtime/learning/dataset/harmony.ts';
import { runCli } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const CLASSES = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];
const SITES = ['site-1', 'site-2', 'site-3'];
const SEEDS = [1, 2];

/** Heads at three scanners, a fifth of each class for either of validation and testing. */
async function heads(seed: number) {
  const name = `bids-${seed}`;
  await generatePhantom({
    target: join(root, name),
    sites: SITES.length,
    perClass: 20,
    size: 32,
    seed,
    jobs: 2,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  const split = `split-${seed}.json`;
  const line = `preprocess split ${name} --strategy column --validation 0.25 --test 0.25 --out ${split}`;
  expect((await runCli(line.split(' '), { cwd: root })).code).toBe(0);
  return { root: join(root, name), split: join(root, split) };
}

/** What the sites' sums come to. */
async function fitted(method: Method, data: Awaited<ReturnType<typeof heads>>): Promise<Harmonisation> {
  let found: Harmonisation | undefined;
  const model = { path: '', sha256: '' };
  const own = { imageSize: 64, classes: CLASSES, leastPeople: 10 };
  const federation: Parameters<typeof harmonise>[0] = {
    exchange: ({ name }, sites) =>
      Promise.all(
        sites.map(async (site) => {
          if (!isHarmoniseTask(name)) throw new Error(name);
          const sums = await harmoniseSums(name, { ...data, site }, own);
          return { site, files: {}, values: { sums }, numExamples: 1, metrics: {}, paramsType: 'FULL' };
        }),
      ),
    keep: async ({ value }) => {
      found = parseHarmonisation(JSON.stringify(value));
      return { model };
    },
  };
  await harmonise(federation, { model }, { method, round: 1, sites: SITES, ratio: 100 });
  if (!found) throw new Error('nothing was found');
  return found;
}

/** Changes of what is told, in shares, the mean of data sets. */
async function changes(method: Method, all: readonly Awaited<ReturnType<typeof heads>>[]) {
  const sums: Record<string, number> = {};
  for (const { root: folder, split } of all) {
    const harmonisation = await fitted(method, { root: folder, split });
    const target = { task: 'classification', classes: CLASSES, run: undefined } as const;
    const data = labelledData(await readEvaluationData(target, { data: folder, split }), target);
    const rows = data.rows.map((row) => ({ ...row, harmony: harmonyOf(harmonisation, row.site).harmony }));
    const compared = await compareScanners({
      data: { ...data, rows },
      target: { harmonisation, classes: CLASSES },
      images: { imageSize: 64, slices: 9 },
      options: { seed: 0 },
    });
    for (const { view, scanner, class: own } of compared?.views ?? [])
      for (const [what, { change }] of Object.entries({ scanner, class: own })) {
        const share = (change.value ?? Number.NaN) / all.length;
        sums[`${what} by ${view}`] = (sums[`${what} by ${view}`] ?? 0) + share;
      }
  }
  return sums;
}

describe('harmonisation of simulated heads', () => {
  /** 240 held-out heads: what is told of a class has a standard error of three points. */
  it('by either method lets scanners be told less, and classes no less', async () => {
    const all: Awaited<ReturnType<typeof heads>>[] = [];
    for (const seed of SEEDS) all.push(await heads(seed));
    const [combat, nyul] = [await changes('combat', all), await changes('nyul', all)];
    for (const change of [combat, nyul]) {
      expect(change['scanner by greys']).toBeLessThan(-0.05);
      expect(change['scanner by pixels']).toBeLessThan(-0.02);
      expect(change['class by pixels']).toBeGreaterThan(-0.06);
    }
    // Where all images have one scale, a class that shows in the greys of the whole is lost.
    expect(combat['class by greys']).toBeGreaterThan(-0.06);
  }, 300_000);
});
