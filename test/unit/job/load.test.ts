import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { NeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { parseOverride } from '../../../src/runtime/job/variables.ts';
import { TINY_JOB, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function folderWith(yaml: string): Promise<string> {
  return writeJob(join(root, String(count++)), { files: { 'job.yaml': yaml } });
}

/** The tiny job with one piece of its text replaced. */
const changed = (from: string, to: string) => {
  const text = stringify(TINY_JOB);
  if (!text.includes(from)) throw new Error(`the job has no '${from}'`);
  return text.replace(from, to);
};

async function fault(yaml: string): Promise<NeuroflareError> {
  const thrown: unknown = await loadJob(await folderWith(yaml)).catch((error: unknown) => error);
  if (thrown instanceof NeuroflareError) return thrown;
  throw new Error(`expected a named error, got ${String(thrown)}`);
}

/** Line and column of a text in the yaml, both from 1. */
function positionOf(yaml: string, part: string) {
  const lines = yaml.slice(0, yaml.indexOf(part)).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

describe('a job', () => {
  it('is read with its defaults', async () => {
    const { definition } = await loadJob(await folderWith(stringify(TINY_JOB)));
    expect(definition).toMatchObject({
      name: 'tiny',
      workflow: { clients: 2, numRounds: 2, keyMetric: 'accuracy', keyMetricGoal: 'maximize' },
      executor: { trainScript: 'client/train.ts', taskTimeout: 3600 },
      seed: 7,
      siteArgs: {},
    });
    expect(definition.workflow.minClients).toBeUndefined();
  });

  it('may be given as its file', async () => {
    const folder = await folderWith(stringify(TINY_JOB));
    expect(await loadJob(join(folder, 'job.yaml'))).toMatchObject({ folder });
  });

  it('names data from its own folder', async () => {
    const folder = await folderWith(
      stringify({ ...TINY_JOB, data: { root: './bids', split: '../split.json' } }),
    );
    const { definition } = await loadJob(folder);
    expect(definition.data).toEqual({ root: join(folder, 'bids'), split: join(root, 'split.json') });
  });

  it.each([
    ['that does not exist', 'none', 'the path does not exist'],
    ['without job.yaml', '.', 'the folder holds no job.yaml'],
  ])('%s is refused', async (_, path, reason) => {
    await expect(loadJob(join(root, path))).rejects.toMatchObject({
      code: 'NF_JOB_NOT_FOUND',
      message: expect.stringContaining(reason),
    });
  });

  it('whose job.yaml is a folder is refused', async () => {
    const folder = join(root, String(count++));
    await mkdir(join(folder, 'job.yaml'), { recursive: true });
    await expect(loadJob(folder)).rejects.toMatchObject({ code: 'NF_JOB_NOT_FOUND' });
  });

  it('of a megabyte is none', async () => {
    const folder = await folderWith('');
    await truncate(join(folder, 'job.yaml'), 1_000_001);
    await expect(loadJob(folder)).rejects.toMatchObject({
      code: 'NF_JOB_YAML',
      message: expect.stringContaining('1000001 bytes'),
    });
  });
});

describe('faults of the YAML', () => {
  it.each([
    ['an open bracket', 'a: [1, 2\nb: 3\n', ''],
    ['a tab as indentation', 'a:\n\tb: 1\n', ''],
    ['two documents', '---\na: 1\n---\nb: 2\n', ''],
    ['an unknown alias', 'a: *nobody\n', ''],
    ['ten thousand brackets', '['.repeat(10_000), ''],
    ['a deep nest', `a: ${'{a: '.repeat(5000)}`, ''],
    [
      'aliases that grow without end',
      [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        ...'bcdefghi'.split('').map((name, index) => {
          const before = 'abcdefghi'[index];
          return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`;
        }),
      ].join('\n'),
      'Excessive alias count',
    ],
  ])('%s: refused by name', async (_, yaml, reason) => {
    const error = await fault(yaml);
    expect(error.code).toBe('NF_JOB_YAML');
    expect(error.message).toContain(reason);
    expect(error.exitCode).toBe(4);
  });

  it('come with file, line, column and the source line', async () => {
    const yaml = changed('num_rounds: 2', 'num_rounds: 2\n  num_rounds: 3');
    const error = await fault(yaml);
    expect(error.message).toBe('job.yaml is not valid YAML: this key stands twice in one map.');
    expect(error.place).toMatchObject({
      file: expect.stringMatching(/job\.yaml$/),
      ...positionOf(yaml, 'num_rounds: 3'),
      excerpt: expect.stringContaining('num_rounds: 3\n'),
    });
  });

  it('are counted in lines that end with CR LF', async () => {
    const yaml = changed('name: tiny', 'name: 5').replaceAll('\n', '\r\n');
    expect((await fault(yaml)).place).toMatchObject({
      line: 2,
      column: 7,
      excerpt: '2 | name: 5\n  |       ^',
    });
  });
});

describe('faults of the definition', () => {
  it.each([
    ['an unknown key', 'seed: 7', 'sed: 7', "unknown key 'sed'. Did you mean 'seed'?", 'sed:'],
    [
      'an unknown key deep down',
      'key_metric:',
      'key_metrik:',
      "unknown key 'workflow.key_metrik'. Did you mean 'key_metric'?",
      'key_metrik:',
    ],
    [
      'a key in camelCase',
      'n_clients:',
      'nClients:',
      "unknown key 'workflow.nClients'. Did you mean 'n_clients'?",
      'nClients',
    ],
    ['a version that does not exist', 'version: 1', 'version: 2', "'version'", '2'],
    [
      'a word as number',
      'num_rounds: 2',
      'num_rounds: many',
      "'workflow.num_rounds' must be a number, not text",
      'many',
    ],
    [
      'a fraction of a round',
      'num_rounds: 2',
      'num_rounds: 2.5',
      "'workflow.num_rounds' must be a whole number",
      '2.5',
    ],
    [
      'a wait longer than timers count',
      'num_rounds: 2',
      'num_rounds: 2\n  wait_time_after_min_received: 2147484',
      "'workflow.wait_time_after_min_received'",
      '2147484',
    ],
    ['no rounds', 'num_rounds: 2', 'num_rounds: 0', "'workflow.num_rounds'", '0'],
    ['a number as name', 'name: tiny', 'name: 5', "'name' must be text, not a number", '5'],
    ['a name that leads elsewhere', 'name: tiny', 'name: ../tiny', "'name' use up to 64 letters", '../tiny'],
    ['an empty name', 'name: tiny', 'name: ""', "'name' use up to 64 letters", '""'],
    ['an unknown workflow', 'type: fedavg', 'type: fedavgg', "'workflow.type' must be one of", 'fedavgg'],
    [
      'an unknown framework',
      'framework: numpy',
      'framework: torch',
      "'executor.framework' must be one of",
      'torch',
    ],
    ['a negative seed', 'seed: 7', 'seed: -1', "'seed'", '-1'],
    ['a seed of more than 32 bits', 'seed: 7', 'seed: 4294967296', "'seed'", '4294967296'],
    [
      'a list as arguments',
      'args:\n    step: 1',
      'args: [1]',
      "'executor.args' must be a map of names and values, not a list",
      '[1]',
    ],
    ['an unknown dtype', 'dtype: float32', 'dtype: float16', 'must be one of', 'float16'],
  ])('%s: %s', async (_, from, to, message, at) => {
    const yaml = changed(from, to);
    const error = await fault(yaml);
    expect(error.code).toBe('NF_JOB_INVALID');
    expect(error.message).toContain(message);
    const offset = yaml.indexOf(to) + to.indexOf(at);
    const { line, column } = positionOf(`${yaml.slice(0, offset)}@`, '@');
    expect(error.place).toMatchObject({ line, column });
  });

  it.each([
    ['an empty file', '', 'empty'],
    ['a word', 'hello', 'text'],
    ['a list', '- 1\n- 2', 'a list'],
    ['null', 'null', 'empty'],
  ])('%s is no job', async (_, yaml, received) => {
    expect((await fault(yaml)).message).toBe(`the job must be a map of keys and values, not ${received}`);
  });

  it('a missing key is named, with the place of its parent', async () => {
    const error = await fault(changed('name: tiny\n', ''));
    expect(error.message).toBe("'name' is missing");
    expect(error.place).toMatchObject({ line: 1 });
    expect(error.place).not.toHaveProperty('excerpt');
    const inner = await fault(changed('  num_rounds: 2\n', ''));
    expect(inner.place?.excerpt).toMatch(/^\d+ \| workflow:$/);
  });

  it.each([
    ['num_rounds: 2', 'num_rounds: 0', "'workflow.num_rounds' must be at least 1"],
    ['num_rounds: 2', 'num_rounds: 100001', "'workflow.num_rounds' must be at most 100000"],
    ['num_rounds: 2', 'num_rounds: 2\n  site_timeout: 0', "'workflow.site_timeout' must be more than 0"],
    ['key_metric: accuracy', 'key_metric: ""', "'workflow.key_metric' must not be empty"],
    ['version: 1', 'version: 2', "'version' must be 1"],
    ['seed: 7', 'seed: yes', "'seed' must be a number, not text"],
  ])('are told in words of the job: %s -> %s', async (from, to, message) => {
    expect((await fault(changed(from, to))).message).toBe(message);
  });

  it('a missing part is named', async () => {
    const { executor: _, ...rest } = TINY_JOB;
    expect((await fault(stringify(rest))).message).toBe("'executor' is missing");
  });

  it('are all told at once', async () => {
    const error = await fault(changed('seed: 7', 'sed: 7').replace('num_rounds: 2', 'num_rounds: x'));
    expect(error.message).toMatch(/num_rounds.*; unknown key 'sed'/);
    expect(error.place?.excerpt).toMatch(/num_rounds: x[\s\S]*sed: 7/);
  });

  it('more least clients than clients is told at its key', async () => {
    const error = await fault(changed('num_rounds: 2', 'num_rounds: 2\n  min_clients: 3'));
    expect(error.message).toBe("'workflow.min_clients' is more than n_clients");
    expect(error.place).toMatchObject({ key: 'workflow.min_clients' });
  });

  it('a model that is both arrays and built is refused', async () => {
    const error = await fault(changed('model:\n', 'model:\n  type: mri-cnn\n'));
    expect(error.code).toBe('NF_JOB_INVALID');
  });

  it('of an array are told, though the model might be a file too', async () => {
    const model = { initial_params: { a: { dtype: 'float16', data: 1 }, b: { data: 'x' } } };
    expect((await fault(stringify({ ...TINY_JOB, model }))).message).toContain(
      "'model.initial_params.a.dtype'",
    );
  });

  it('a model that is neither is refused', async () => {
    expect((await fault(stringify({ ...TINY_JOB, model: {} }))).message).toContain('model.');
  });
});

describe('values from the command line', () => {
  const load = async (...settings: string[]) =>
    (await loadJob(await folderWith(stringify(TINY_JOB)), settings.map(parseOverride))).definition;

  it.each([
    ['num_rounds=5', { workflow: { numRounds: 5 } }],
    ['workflow.num_rounds=5', { workflow: { numRounds: 5 } }],
    ['step=0.5', { executor: { args: { step: 0.5 } } }],
    ['executor.args.step=0.5', { executor: { args: { step: 0.5 } } }],
    ['executor.args.new=[1, two]', { executor: { args: { step: 1, new: [1, 'two'] } } }],
    ['key_metric=loss', { workflow: { keyMetric: 'loss' } }],
    ['key_metric_goal=minimize', { workflow: { keyMetricGoal: 'minimize' } }],
    ['min_clients=1', { workflow: { minClients: 1 } }],
    ['sites.site-1.args.step=3', { siteArgs: { 'site-1': { step: 3 } } }],
    ['seed=9', { seed: 9 }],
    [' seed = 9', { seed: 9 }],
    ['name=other', { name: 'other' }],
  ])('%s', async (setting, expected) => {
    expect(await load(setting)).toMatchObject(expected);
  });

  it('win in the order they are given', async () => {
    expect((await load('seed=1', 'workflow.num_rounds=3', 'seed=2')).seed).toBe(2);
  });

  it.each([
    ['num_round=5', 'NF_JOB_VARIABLE', "no variable 'num_round'. Did you mean 'num_rounds'?"],
    ['version=2', 'NF_JOB_VARIABLE', "no variable 'version'"],
    ['workflow=5', 'NF_JOB_VARIABLE', "no variable 'workflow'"],
    ['executor.args.step.x=5', 'NF_JOB_VARIABLE', "no variable 'executor.args.step.x'"],
    ['num_rounds=x', 'NF_JOB_INVALID', "'workflow.num_rounds' must be a number, not text"],
    ['sites.site-1.arg.step=3', 'NF_JOB_INVALID', "unknown key 'sites.site-1.arg'"],
  ])('%s is refused with %s', async (setting, code, message) => {
    await expect(load(setting)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each(['num_rounds', '=5', ''])('%j is no setting', (text) => {
    expect(() => parseOverride(text)).toThrow(expect.objectContaining({ code: 'NF_JOB_SET', exitCode: 4 }));
  });

  it.each([
    ['a=1', 1],
    ['a=01', 1],
    ['a=1e-3', 0.001],
    ['a=true', true],
    ['a=', ''],
    ['a=x=y', 'x=y'],
    ['a="1"', '1'],
    ['a={b: 1}', { b: 1 }],
    ['a=[', '['],
    ['a=./bids', './bids'],
  ])('%s is read as YAML', (text, value) => {
    expect(parseOverride(text)).toEqual({ name: 'a', value });
  });

  it('do not reach prototypes', async () => {
    await load('executor.args.__proto__.polluted=1').catch(() => undefined);
    expect({}).not.toHaveProperty('polluted');
  });

  it('on a file that is no job leave the fault of the file', async () => {
    const folder = await folderWith('');
    await expect(loadJob(folder, [{ name: 'seed', value: 1 }])).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
    });
  });
});

describe('a job folder on disk', () => {
  it('with text that is no UTF-8 is refused or read, never an internal error', async () => {
    const folder = await folderWith('');
    await writeFile(join(folder, 'job.yaml'), Uint8Array.of(0xff, 0xfe, 0x00, 0x01));
    await expect(loadJob(folder)).rejects.toMatchObject({ exitCode: 4 });
  });
});
