import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { generatePhantom } from '../../../../src/preprocess/phantom/generate.ts';
import { parseHarmonisation } from '../../../../src/runtime/algorithms/harmonisation/record.ts';
import { simulate } from '../../../../src/runtime/deployment/simulator/simulate.ts';
import { harmoniseSums } from '../../../../src/runtime/learning/dataset/harmonise-sums.ts';
import { runCli } from '../../../support/cli.ts';
import { type JobPatch, writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const CLASSES = ['glioma', 'meningioma', 'no_tumor', 'pituitary'];
let count = 0;
let plain: ReturnType<typeof run> | undefined;

/** Sends what it received, and the sum of what the network would see: it shows what was done with the pictures. */
const LOOKING = `import * as flare from 'neuroflare/client';
import { openDataset } from 'neuroflare/mri';

await flare.init();
const { image_size, classes } = flare.model();
const data = await openDataset(flare.data(), { imageSize: image_size, classes, augment: false });
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  let seen = 0;
  for await (const { x } of data.train.batches({ batchSize: 32 })) for (const value of x) seen += value;
  const metrics = { accuracy: seen };
  await flare.send(flare.isEvaluate() ? { metrics } : { params, metrics, numExamples: data.train.size });
}
`;

beforeAll(async () => {
  await generatePhantom({
    target: join(root, 'bids'),
    sites: 2,
    perClass: 14,
    size: 16,
    seed: 4,
    jobs: 1,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  for (const [name, validation] of [
    ['split', '0.2'],
    ['few', '0.5'],
  ])
    await runCli(
      [
        'preprocess',
        'split',
        'bids',
        '--strategy',
        'column',
        '--validation',
        validation ?? '',
        '--test',
        '0',
        '--out',
        `${name}.json`,
      ],
      { cwd: root },
    );
});

const job = (
  harmonisation: string,
  { script = LOOKING, patch = {} }: { script?: string; patch?: JobPatch } = {},
) =>
  writeJob(join(root, String(count++)), {
    script,
    patch: {
      workflow: { num_rounds: 1, harmonisation },
      model: { initial_params: undefined, type: 'mri-cnn', image_size: 32, classes: CLASSES },
      data: { root: join(root, 'bids'), split: join(root, 'split.json') },
      ...patch,
    },
  });

async function run(path: string) {
  const summary = await simulate({
    job: path,
    workspace: `${path}-work`,
    flags: {},
    overrides: [],
    maxClients: 10,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
  return { summary, file: join(summary.run_folder, 'harmonisation.json') };
}

describe('a simulation that harmonises pictures', () => {
  it.each(['nyul', 'combat'])(
    'by %s trains on other pictures than without, and keeps what was done',
    async (method) => {
      plain ??= run(await job('none'));
      const { summary: without, file: none } = await plain;
      const { summary, file } = await run(await job(method));
      expect(parseHarmonisation(await readFile(file, 'utf8'))).toMatchObject({
        method,
        form: { image_size: 32, slices: 9 },
      });
      for (const site of ['site-1', 'site-2'])
        expect(summary.models[0]?.sites[site]).not.toBe(without.models[0]?.sites[site]);
      await expect(readFile(none)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it('tells of no class of fewer people than a site asks for, and of none at all where all are few', async () => {
    const source = { root: join(root, 'bids'), split: join(root, 'split.json'), site: 'site-2' };
    const few = { imageSize: 32, classes: [...CLASSES, 'absent'], leastPeople: 11 };
    expect(await harmoniseSums('harmonise.effects', source, few)).toMatchObject({
      classes: [...CLASSES.map(() => ({ images: 11 })), null],
    });
    for (const [task, leastPeople] of [
      ['harmonise.effects', 12],
      ['harmonise.scale', 45],
    ] as const)
      await expect(harmoniseSums(task, source, { ...few, leastPeople })).rejects.toMatchObject({
        code: 'NF_HARMONISE_FEW',
        place: { site: 'site-2' },
      });
  });

  const ONE = { workflow: { num_rounds: 1, harmonisation: 'combat', n_clients: 2, clients_per_round: 1 } };
  it.each([
    [
      'of too few people',
      { data: { root: join(root, 'bids'), split: join(root, 'few.json') } },
      'NF_HARMONISE_FEW',
    ],
    ['without data', { data: undefined }, 'NF_JOB_HARMONISATION'],
    ['whose sites are drawn', ONE, 'NF_JOB_HARMONISATION'],
    [
      'of several contrasts',
      {
        model: {
          initial_params: undefined,
          type: 'mri-cnn',
          image_size: 32,
          channels: 2,
          classes: CLASSES,
        },
      },
      'NF_JOB_HARMONISATION',
    ],
    [
      'whose network has no classes',
      { model: { initial_params: undefined, type: 'mri-cnn', image_size: 32, num_classes: 4 } },
      'NF_JOB_HARMONISATION',
    ],
    [
      'by a workflow without it',
      { workflow: { type: 'cyclic', num_rounds: 1, harmonisation: 'nyul' } },
      'NF_JOB_INVALID',
    ],
  ])('%s is refused before it begins', async (_, patch, code) => {
    await expect(run(await job('combat', { patch }))).rejects.toMatchObject({ code });
  });

  it.each([
    [
      'other slices than the harmonisation',
      LOOKING.replace('augment: false', 'augment: false, slices: 4'),
      'NF_HARMONISE_PICTURES',
    ],
    [
      'pictures as they are',
      LOOKING.replace(
        'openDataset(flare.data()',
        'openDataset({ ...flare.data(), harmonisation: undefined }',
      ),
      'NF_SCRIPT_HARMONISATION',
    ],
  ])('ends where its script opens %s', async (_, script, code) => {
    await expect(run(await job('nyul', { script }))).rejects.toMatchObject({ code });
  });

  /** The last one: it takes the images away. */
  it('takes its sums from the training part alone', async () => {
    const source = { root: join(root, 'bids'), split: join(root, 'split.json'), site: 'site-1' };
    const asked = { imageSize: 32, classes: CLASSES, leastPeople: 10 };
    const before = [
      await harmoniseSums('harmonise.scale', source, asked),
      await harmoniseSums('harmonise.effects', source, asked),
    ];
    const { sites } = JSON.parse(await readFile(source.split, 'utf8'));
    const held: string[] = sites[0].validation;
    expect(held.length).toBeGreaterThan(5);
    for (const id of held) await rm(join(source.root, id), { recursive: true });
    expect(await harmoniseSums('harmonise.scale', source, asked)).toEqual(before[0]);
    expect(await harmoniseSums('harmonise.effects', source, asked)).toEqual(before[1]);
    expect(before[1]).toMatchObject({ classes: CLASSES.map(() => ({ images: 11 })) });
  });
});
