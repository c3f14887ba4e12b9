import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ExperimentResult } from '../../src/runtime/experiment/result.ts';
import { runCli, runJson } from '../support/cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const FILE = `version: 1
name: scanners
job: mri
set: { num_rounds: 1, local_epochs: 1, image_size: 32 }
partitions:
  scanners: { strategy: column }
folds: 3
variants:
  fedavg: {}
  fedprox: { workflow.type: fedprox, workflow.proximal_mu: 0.1 }
seeds: [1, 2]
baselines: [centralized, local]
baseline_recipe: first
`;

interface Prediction {
  readonly truth: string;
  readonly predicted: string;
}

/** From the tables that `evaluate` wrote, by hand. */
function predictionsOf(run: string): Prediction[] {
  const text = readFileSync(join(cwd, 'work', run, 'latest/evaluation/predictions.tsv'), 'utf8').trimEnd();
  const [header = [], ...rows] = text.split('\n').map((line) => line.split('\t'));
  return rows.map((row) => {
    const chances = header.flatMap((name, at) =>
      name.startsWith('p_') ? [[name.slice(2), Number(row[at])] as const] : [],
    );
    const [best] = chances.toSorted((a, b) => b[1] - a[1]);
    return { truth: row[header.indexOf('diagnosis')] ?? '', predicted: best?.[0] ?? '' };
  });
}

/** Training images of each site with a seed. */
function trainedOn(seed: number): number[] {
  const file = readdirSync(join(cwd, 'work/experiments/scanners/splits')).find((name) =>
    name.includes(`seed-${seed}.`),
  );
  const { sites } = JSON.parse(
    readFileSync(join(cwd, 'work/experiments/scanners/splits', file ?? ''), 'utf8'),
  ) as {
    sites: { train: unknown[] }[];
  };
  return sites.map(({ train }) => train.length);
}

const sum = (values: readonly number[] = []) => values.reduce((all, value) => all + value, 0);
const steps = (images: number) => Math.ceil(images / 8);

function balancedAccuracy(all: readonly Prediction[]): number {
  const recalls = [...Map.groupBy(all, ({ truth }) => truth).values()].map(
    (own) => own.filter(({ truth, predicted }) => truth === predicted).length / own.length,
  );
  return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
}

it('an experiment on MRI is judged on the test images of all seeds, and its variants are compared on the same ones', async () => {
  for (const line of [
    'preprocess phantom bids --per-class 9 --sites 2',
    'job create mri --template mri-fedavg --set data=bids',
  ])
    expect([line, await runCli(line.split(' '), { cwd })]).toMatchObject([line, { code: 0 }]);
  await writeFile(join(cwd, 'scanners.yaml'), FILE);
  const { code, answer } = await runJson(['experiment', 'run', 'scanners.yaml', '-q'], { cwd });
  expect([code, answer.message]).toEqual([0, undefined]);
  const { result } = answer.data as { result: ExperimentResult };
  expect(result).toMatchObject({ planned: 4, over: 4, failed: 0, first: 'fedavg' });
  const [first, second] = ['fedavg', 'fedprox'].map((variant) =>
    balancedAccuracy([1, 2].flatMap((seed) => predictionsOf(`scanners.scanners.${variant}.seed-${seed}`))),
  );
  expect(result.rows).toMatchObject([
    { variant: 'fedavg', runs: 2, metric: 'balanced_accuracy', lead: null },
    { variant: 'fedprox', runs: 2, metric: 'balanced_accuracy' },
  ]);
  const [fedavg, fedprox] = result.rows;
  expect(fedavg?.pooled?.value).toBeCloseTo(first ?? Number.NaN, 12);
  expect(fedprox?.pooled?.value).toBeCloseTo(second ?? Number.NaN, 12);
  expect(fedprox?.lead?.value).toBeCloseTo((second ?? 0) - (first ?? 0), 12);
  expect(fedavg?.baselines.centralized).toBeGreaterThanOrEqual(0);
  const pooled = [1, 2].flatMap((seed) =>
    predictionsOf(`scanners.scanners.fedavg.seed-${seed}/latest/baselines/centralized`),
  );
  expect(fedavg?.against?.lead_over_pooled?.value).toBeCloseTo((first ?? 0) - balancedAccuracy(pooled), 12);
  // The baselines of the first variant stand beside the second, which has none of its own.
  expect(fedprox?.against?.lead_over_pooled?.value).toBeCloseTo((second ?? 0) - balancedAccuracy(pooled), 12);
  const evaluated = join(cwd, 'work/scanners.scanners.fedavg.seed-1/latest/evaluation/evaluation.json');
  expect(JSON.parse(readFileSync(evaluated, 'utf8'))).toMatchObject({ masked: {}, worst_cases: [] });
  expect(fedprox?.baselines).toEqual(fedavg?.baselines);
  expect(existsSync(join(cwd, 'work/scanners.scanners.fedprox.seed-1/latest/baselines'))).toBe(false);
  expect(fedavg?.against).toMatchObject({
    judged_sites: 4,
    calibration_error: { value: expect.any(Number) },
  });
  expect(fedavg?.against?.worse_than_local).toBeLessThanOrEqual(4);
  const all = [1, 2].flatMap((seed) => predictionsOf(`scanners.scanners.fedavg.seed-${seed}`));
  const right = all.filter(({ truth, predicted }) => truth === predicted);
  expect(fedavg?.against?.kept).toBeCloseTo(right.length / all.length, 12);
  const { recall } = fedavg?.against?.lowest_recall ?? {};
  const lowest =
    Map.groupBy(all, ({ truth }) => truth).get(fedavg?.against?.lowest_recall?.class ?? '') ?? [];
  const found = lowest.filter(({ truth, predicted }) => truth === predicted).length / lowest.length;
  expect(recall?.value).toBeCloseTo(found, 12);
  // One round of one epoch: each training image once, in batches of 8 at each site.
  const seen = [1, 2].map((seed) => trainedOn(seed));
  expect(fedavg?.work.images_seen).toBe((sum(seen[0]) + sum(seen[1])) / 2);
  expect(fedavg?.work.steps).toBe((sum(seen[0]?.map(steps)) + sum(seen[1]?.map(steps))) / 2);
  expect(fedprox?.work).toEqual(fedavg?.work);
  for (const name of ['local', 'centralized'])
    expect(fedavg?.baseline_work[name]?.images_seen).toBe(fedavg?.work.images_seen);
  const text = await runCli(['experiment', 'compare', 'scanners.yaml', '--html', 'page.html'], { cwd });
  expect(text.stdout).toMatch(/lead over fedavg/);
  expect(text.stdout).toMatch(
    /trained with the recipe of fedavg, for all variants[^\n]*\n[^\n]*centralized \d+ images/,
  );
  // Each run's own recipe is another question: what is there does not answer it.
  await writeFile(join(cwd, 'own.yaml'), FILE.replace('baseline_recipe: first\n', ''));
  const again = await runJson(['experiment', 'run', 'own.yaml', '--dry-run', '-q'], { cwd });
  expect(again.answer.data).toMatchObject({ plan: { runs: 4 } });
});
