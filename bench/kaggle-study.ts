// The study of docs/results.md on real images: sites alike and sites of unlike mixtures, a seed and a fold each, with local and pooled
// models and all controls. Goes on where it was broken off. usage: node bench/kaggle-study.ts IMAGES FOLDER [THREADS [describe]]
// With `describe` nothing is trained: the tables show what is there so far.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  BASELINES_FILE,
  type Baseline,
  type Baselines,
  readBaselines,
} from '../src/runtime/evaluation/baselines/result.ts';
import type { ClassEvaluation } from '../src/runtime/evaluation/class-result.ts';
import type { Judged } from '../src/runtime/evaluation/judged-people.ts';
import { comparePaired, readJudged } from '../src/runtime/evaluation/paired.ts';
import { EVALUATION_FOLDER, readClassEvaluation } from '../src/runtime/evaluation/result.ts';

const SEEDS = [1, 2, 3];
const SITES = 5;
const FOLDS = 5;
const MIXTURES = {
  alike: ['--strategy', 'iid'],
  unlike: ['--strategy', 'dirichlet', '--alpha', '0.3'],
} as const;

const [images = '', folder = 'study', threads = '1', only] = process.argv.slice(2);
const root = resolve(folder);
mkdirSync(root, { recursive: true });
const at = (...names: string[]) => join(root, ...names);

if (only !== 'describe') trainAll();
const text = (await Promise.all(Object.keys(MIXTURES).map(describe))).join('\n');
writeFileSync(at('results.md'), text);
console.log(text);

function trainAll(): void {
  if (!existsSync(at('bids')))
    neuroflare('preprocess', 'bids', resolve(images), at('bids'), '--head-mask', '--size', '256', '-q');
  if (!existsSync(at('job'))) {
    neuroflare(
      'job',
      'create',
      at('job'),
      '--template',
      'mri-fedavg',
      '--set',
      `data=${at('bids')}`,
      '--set',
      'name=kaggle',
    );
  }
  const outcomes = SEEDS.flatMap((seed) =>
    Object.entries(MIXTURES).map(([mixture, flags]) => ({ mixture, flags, seed })),
  );
  // What is judged first is of most use if the study is broken off.
  for (const one of outcomes) simulate(one);
  for (const one of outcomes) addBaselines(one, 'centralized');
  for (const one of outcomes) addBaselines(one, 'centralized,local');
}

interface Planned {
  readonly mixture: string;
  readonly flags: readonly string[];
  readonly seed: number;
}

function simulate({ mixture, flags, seed }: Planned): void {
  const name = `${mixture}-${seed}`;
  const split = at(`${name}.json`);
  if (!existsSync(split)) {
    const fold = [
      '--sites',
      String(SITES),
      '--fold',
      `${seed}/${FOLDS}`,
      '--validation',
      '0.12',
      '--seed',
      String(seed),
    ];
    neuroflare('preprocess', 'split', at('bids'), ...flags, ...fold, '--out', split);
  }
  const run = at(name, 'kaggle', 'latest');
  if (existsSync(join(run, EVALUATION_FOLDER, 'evaluation.json'))) return;
  const set = existsSync(run) ? ['--resume'] : ['--set', `split=${split}`, '--set', `seed=${seed}`];
  if (!existsSync(join(run, 'model.safetensors'))) {
    neuroflare('simulate', at('job'), ...set, '--workspace', at(name), '--threads', threads, '-q');
  }
  neuroflare('evaluate', run, '--jobs', threads, '-q');
}

function addBaselines({ mixture, seed }: Planned, baselines: string): void {
  const workspace = at(`${mixture}-${seed}`);
  const how = ['--workspace', workspace, '--threads', threads, '--resume', '--baselines', baselines, '-q'];
  neuroflare('simulate', at('job'), ...how);
}

function neuroflare(...args: string[]): void {
  console.log(`$ neuroflare ${args.map((arg) => arg.replace(`${root}/`, '')).join(' ')}`);
  execFileSync(process.execPath, [join(import.meta.dirname, '../bin/run.js'), ...args], { stdio: 'inherit' });
}

interface Outcome {
  readonly seed: number;
  readonly evaluation: ClassEvaluation;
  /** Undefined until they were run. */
  readonly baselines: Baselines | undefined;
  readonly predictions: Judged;
}

async function describe(mixture: string): Promise<string> {
  const all = (await Promise.all(SEEDS.map((seed) => read(mixture, seed)))).filter(
    (one) => one !== undefined,
  );
  if (all.length === 0) return `### Sites ${mixture}\n\nNothing was judged yet.\n`;
  const control = (one: Outcome, name: string) =>
    one.evaluation.controls?.find((own) => own.name === name)?.balanced_accuracy.value ?? null;
  const names = all[0]?.evaluation.controls?.map(({ name }) => name) ?? [];
  const row = (name: string, value: (one: Outcome) => number | null) => {
    const values = all.map(value);
    const known = values.filter((own) => own !== null);
    const mean =
      known.length === values.length ? percent(known.reduce((sum, own) => sum + own, 0) / known.length) : '-';
    return `| ${name} | ${values.map(percent).join(' | ')} | ${mean} |`;
  };
  const baseline = (one: Outcome, wanted: Baseline) =>
    one.baselines?.baselines.find((own) => own.baseline === wanted);
  return [
    `### Sites ${mixture}`,
    '',
    `| balanced accuracy, % | ${all.map(({ seed }) => `seed ${seed}`).join(' | ')} | mean |`,
    `| --- |${all.map(() => ' ---: |').join('')} ---: |`,
    row('**federated**', ({ evaluation }) => evaluation.figures.balanced_accuracy?.value ?? null),
    row('pooled model', (one) => baseline(one, 'centralized')?.comparison.other.value ?? null),
    row(
      'local models, each on its own site',
      (one) => baseline(one, 'local')?.comparison.other.value ?? null,
    ),
    ...names.map((name) => row(`control: ${name}`, (one) => control(one, name))),
    row(
      'lead over the strongest control',
      ({ evaluation }) => evaluation.headline.strongest_control?.lead.value ?? null,
    ),
    row('its lower 95 % bound', ({ evaluation }) => evaluation.headline.strongest_control?.lead.low ?? null),
    row(
      'worse than pooled by at most (one-sided 95 %)',
      (one) => baseline(one, 'centralized')?.comparison.worse_by_at_most ?? null,
    ),
    row(
      'tumour types alone (chance 33.3)',
      ({ evaluation }) => evaluation.tumour_types?.balanced_accuracy.value ?? null,
    ),
    row('accuracy at the worst site', ({ evaluation }) =>
      evaluation.per_site.reduce((least, { accuracy }) => Math.min(least, accuracy.value ?? 1), 1),
    ),
    row('head blackened', ({ evaluation }) => evaluation.masked.head_masked?.value ?? null),
    row('outline alone', ({ evaluation }) => evaluation.masked.silhouette_only?.value ?? null),
    row(
      'calibration error, with temperature',
      ({ evaluation }) => (evaluation.figures['ece.calibrated'] ?? evaluation.figures.ece)?.value ?? null,
    ),
    ...(all[0]?.evaluation.classes ?? []).map((name) =>
      row(`recall, ${name}`, ({ evaluation }) => evaluation.figures[`recall.${name}`]?.value ?? null),
    ),
    '',
    pooled(mixture, all),
    '',
  ].join('\n');
}

/** All test subjects of all seeds together; a group that was tested with two seeds is drawn as one. */
function pooled(mixture: string, all: readonly Outcome[]): string {
  const own = concatenate(all.map(({ seed, predictions }) => ({ seed, predictions })));
  const paired = comparePaired(own, own);
  return `Over the ${paired.subjects} tests of all seeds (${paired.groups} groups), sites ${mixture}: ${percent(paired.own.value)} % (95 % interval ${percent(paired.own.low)} to ${percent(paired.own.high)}).`;
}

function concatenate(parts: readonly { seed: number; predictions: Judged }[]): Judged {
  return {
    ids: parts.flatMap(({ seed, predictions }) => predictions.ids.map((id) => `${seed} ${id}`)),
    sites: parts.flatMap(({ predictions }) => predictions.sites),
    groups: parts.flatMap(({ predictions }) => predictions.groups),
    labels: Uint8Array.from(parts.flatMap(({ predictions }) => [...predictions.labels])),
    classes: parts[0]?.predictions.classes ?? 0,
    probabilities: Float64Array.from(parts.flatMap(({ predictions }) => [...predictions.probabilities])),
  };
}

async function read(mixture: string, seed: number): Promise<Outcome | undefined> {
  const run = at(`${mixture}-${seed}`, 'kaggle', 'latest');
  const path = join(run, EVALUATION_FOLDER, 'evaluation.json');
  if (!existsSync(path)) return undefined;
  const [evaluation, baselines] = [
    await readClassEvaluation(path),
    await readBaselines(join(run, BASELINES_FILE)),
  ];
  return { seed, evaluation, baselines, predictions: await readJudged(join(run, EVALUATION_FOLDER)) };
}

function percent(share: number | null): string {
  return share === null ? '-' : (100 * share).toFixed(1);
}
