import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { generatePhantom } from '../../src/preprocess/phantom/generate.ts';
import { readSplit } from '../../src/preprocess/split/manifest.ts';
import { decodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { poolSplit } from '../../src/runtime/evaluation/baselines/pooled-split.ts';
import { writeNetwork } from '../support/made-network.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const cli = (...words: string[]) => runCli(words, { cwd: root });
const json = (...words: string[]) => runJson(words, { cwd: root });
const FILTERS = 6;
const NETWORK = { side: 16, channels: 3, filters: FILTERS };
const MODEL = [
  ...['--set', 'model.import=jobs/made/made.onnx', '--set', `model.features=${FILTERS}`],
  ...['--set', 'model.image_size=16', '--set', 'num_rounds=2', '--set', 'views=3'],
];

beforeAll(async () => {
  await generatePhantom({
    target: join(root, 'bids'),
    sites: 2,
    perClass: 6,
    size: 16,
    seed: 4,
    jobs: 1,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  await cli('preprocess', 'split', 'bids', '--sites', '2', '--out', 'split.json');
  await cli(
    'job',
    'create',
    'jobs/made',
    '--template',
    'mri-transfer',
    '--set',
    'data=./bids',
    '--set',
    'name=made',
  );
  const file = join(root, 'jobs/made/job.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace('  architecture: efficientnet-lite0\n', ''));
  await writeNetwork(join(root, 'jobs/made/made.onnx'), NETWORK);
});

const simulate = (...words: string[]) => cli('simulate', 'jobs/made', ...MODEL, ...words);
const kept = join(root, 'work/.features');
/** What the last evaluation came to. */
const figures = async () =>
  JSON.parse(await readFile(join(root, 'work/made/latest/evaluation/evaluation.json'), 'utf8')).figures;
const finalOf = (workspace: string) => readFile(join(root, workspace, 'made/latest/model.safetensors'));

describe('a job on a pretrained network', () => {
  it('trains the head alone, with the same bits for any number of threads', async () => {
    for (const [threads, workspace] of [
      ['1', 'work'],
      ['2', 'two'],
    ]) {
      const { code, stderr } = await simulate('-t', threads ?? '', '--workspace', workspace ?? '');
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('NF_')]);
    }
    const final = await finalOf('work');
    expect(final).toEqual(await finalOf('two'));
    const params = decodeSafetensors(final, 'final');
    expect(Object.entries(params).map(([name, { shape }]) => [name, shape])).toEqual([
      ['logits/bias', [4]],
      ['logits/kernel', [FILTERS, 4]],
    ]);
    const first = decodeSafetensors(
      await readFile(join(root, 'work/made/latest/models/round-0000.safetensors')),
      'first',
    );
    expect(params['logits/kernel']?.data).not.toEqual(first['logits/kernel']?.data);
  });

  it('has the same bits with features that were kept, with none and with spoilt ones', async () => {
    await simulate('--workspace', 'work');
    expect(await finalOf('work')).toEqual(await finalOf('two'));
    await cp(kept, join(root, 'spoilt/.features'), { recursive: true });
    await spoil(join(root, 'spoilt/.features'));
    await simulate('--workspace', 'spoilt');
    expect(await finalOf('spoilt')).toEqual(await finalOf('two'));
    await rm(kept, { recursive: true });
    await writeFile(kept, 'no folder');
    await simulate('--workspace', 'work');
    expect(await finalOf('work')).toEqual(await finalOf('two'));
  });

  it('is evaluated, predicts and is exported as one network that gives the same', async () => {
    // The test before has left a file in place of the features that the workspace keeps.
    await rm(kept);
    await mkdir(kept);
    const evaluated = await json('evaluate', 'made', '--no-controls');
    expect(evaluated.answer).toMatchObject({ exit_code: 0 });
    const image = 'bids/sub-001/anat/sub-001_T1w.nii.gz';
    const first = await figures();
    const files = await readdir(kept, { recursive: true });
    expect(files.length).toBeGreaterThan(0);
    await json('evaluate', 'made', '--no-controls');
    expect(await figures()).toEqual(first);
    expect(await readdir(kept, { recursive: true })).toEqual(files);
    const predicted = await json('predict', 'made', 'bids', '--out', 'predictions');
    expect(predicted.answer, image).toMatchObject({ exit_code: 0 });
    const exported = await json('export', 'made', '--format', 'onnx', '--out', 'whole.onnx');
    expect(exported.answer).toMatchObject({ exit_code: 0, data: { files: ['whole.onnx'] } });
    const head = await json('export', 'made', '--format', 'safetensors', '--out', 'head.safetensors');
    expect(JSON.stringify(head.answer)).toContain('the frozen part is in the job');
    const { answer } = await json('export', 'made', '--format', 'tfjs', '--out', 'whole-tfjs');
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_BACKBONE_EXPORT' });
  });
});

it('with one step a round, sites that share no class come to the model of one pool', async () => {
  await cli(
    ...['preprocess', 'split', 'bids', '--sites', '2', '--strategy', 'shards'],
    ...['--shards-per-site', '2', '--out', 'shards.json'],
  );
  const pool = poolSplit(await readSplit(join(root, 'shards.json')));
  await writeFile(join(root, 'pool.json'), JSON.stringify(pool));
  const ONE_STEP = [
    ...['workflow.type=fedopt', 'server_optimizer=adam', 'server_learning_rate=0.05', 'server_tau=1e-6'],
    ...[
      'optimizer=sgd',
      'local_epochs=1',
      'batch_size=1000',
      'views=1',
      'dropout=0',
      'num_rounds=4',
      'learning_rate=1',
      'weight_decay=0',
    ],
  ].flatMap((pair) => ['--set', pair]);
  for (const sites of ['shards', 'pool']) {
    const { code, stderr } = await simulate(
      ...['--workspace', sites, '--set', `split=${join(root, sites)}.json`, ...ONE_STEP],
    );
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('NF_')]);
  }
  const [apart, pooled] = await Promise.all(
    ['shards', 'pool'].map(async (sites) => decodeSafetensors(await finalOf(sites), sites)),
  );
  const kernel = Array.from(pooled?.['logits/kernel']?.data ?? []);
  expect(Math.max(...kernel.map(Math.abs))).toBeGreaterThan(0.05);
  for (const [at, value] of kernel.entries())
    expect(apart?.['logits/kernel']?.data[at]).toBeCloseTo(value, 3);
});

describe('a pretrained network that does not fit is refused before work starts', () => {
  const refused = async (code: string, words: readonly string[], said: RegExp) => {
    const { answer } = await json('simulate', 'jobs/made', ...MODEL, '--workspace', 'bad', ...words);
    expect(answer).toMatchObject({ exit_code: 4, error_code: code });
    expect(JSON.stringify(answer)).toMatch(said);
  };
  const set = (...pairs: string[]) => pairs.flatMap((pair) => ['--set', pair]);

  it.each([
    ['NF_BACKBONE_SHAPE', ['model.features=7'], /gives 6 features .* the job says 7/],
    ['NF_BACKBONE_SHAPE', ['model.image_size=32'], /its input 'pixels' is 1 x 3 x 16 x 16/],
    ['NF_BACKBONE_SHAPE', ['model.input_channels=1'], /1 x 1 x 16 x 16/],
    ['NF_BACKBONE_LAYER', ['model.frozen_to=n_Rellu0'], /There is no layer 'n_Rellu0'.*Did you mean/],
    ['NF_MODEL_INVALID', ['model.channels=2'], /channels is 2, and the network takes 3/],
    ['NF_MODEL_INVALID', ['model.input_mean=[0,1]'], /input_mean has 2 numbers/],
    ['NF_MODEL_INVALID', ['model.input_std=0'], /not over 0/],
    ['NF_MODEL_KEY', ['model.width=8'], /Unknown key 'width'/],
    ['NF_JOB_DATA', ['model.import=jobs/made/other.onnx'], /pretrained network/],
  ])('%s: %j', async (code, pairs, said) => {
    await refused(code, set(...pairs), said);
  });

  it.each([
    ['NF_BACKBONE_FILE', 'text.onnx', () => Buffer.from('no network'), /no usable ONNX file/],
    ['NF_BACKBONE_FILE', 'empty.onnx', () => Buffer.alloc(0), /it has no graph/],
    ['NF_MODEL_INVALID', 'weights.safetensors', () => Buffer.alloc(8), /architecture is missing/],
    ['NF_MODEL_INVALID', 'weights.pth', () => Buffer.alloc(8), /no file of ONNX/],
  ])('%s: %s', async (code, name, bytes, said) => {
    await writeFile(join(root, 'jobs/made', name), bytes());
    await refused(code, set(`model.import=jobs/made/${name}`), said);
  });

  it('names the node of an operator that is not supported', async () => {
    await writeNetwork(join(root, 'jobs/made/odd.onnx'), { ...NETWORK, operator: 'Multinomial' });
    await refused(
      'NF_BACKBONE_OPERATOR',
      set('model.import=jobs/made/odd.onnx'),
      /n_Multinomial\d+' .*is a Multinomial/,
    );
  });

  it("refuses a file outside the job's folder", async () => {
    await mkdir(join(root, 'elsewhere'), { recursive: true });
    await writeNetwork(join(root, 'elsewhere/made.onnx'), NETWORK);
    await refused('NF_JOB_PATH', set('model.import=elsewhere/made.onnx'), /outside the job's folder/);
  });
});

/** Cuts each file of kept features short. */
async function spoil(folder: string): Promise<void> {
  const { readdir } = await import('node:fs/promises');
  for (const name of await readdir(folder, { recursive: true })) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined);
    if (bytes) await writeFile(join(folder, name), bytes.subarray(0, bytes.length - 4));
  }
}
