import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { createJob } from '../../../src/runtime/job/templates.ts';
import { listVariables, parseOverride } from '../../../src/runtime/job/variables.ts';
import { TINY_JOB, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

const DECLARED = {
  learning_rate: { type: 'number', above: 0, below: 10 },
  local_epochs: { type: 'integer', min: 1, max: 100, default: 3 },
  optimizer: { type: 'string', choices: ['adamw', 'sgd'], default: 'adamw' },
  augment: { type: 'boolean', default: true },
  layers: { type: 'list', default: [] },
};

/** A job whose script declares its arguments. */
async function load(args: object, more: object = {}, sets: readonly string[] = []) {
  const executor = { ...TINY_JOB.executor, args, declared_args: DECLARED };
  const files = { 'job.yaml': stringify({ ...TINY_JOB, executor, ...more }) };
  const folder = await writeJob(join(root, String(count++)), { files });
  return loadJob(folder, sets.map(parseOverride));
}

describe('a job whose script declares its arguments', () => {
  it('gives the script what it says, and the defaults of the rest', async () => {
    const { definition } = await load({ learning_rate: 0.1, layers: [8, 16] });
    expect(definition.executor.args).toEqual({
      learning_rate: 0.1,
      local_epochs: 3,
      optimizer: 'adamw',
      augment: true,
      layers: [8, 16],
    });
  });

  it.each([
    [
      { learning_rte: 0.1, learning_rate: 1 },
      "'executor.args.learning_rte' is not an argument of the script. Did you mean 'learning_rate'?",
    ],
    [
      { learning_rate: 1, colour: 1 },
      "'executor.args.colour' is not an argument of the script. It takes learning_rate, local_epochs, optimizer, augment, layers",
    ],
    [{}, "'executor.args.learning_rate' is missing: it must be a number of more than 0 and less than 10"],
    [
      { learning_rate: 'fast' },
      `'executor.args.learning_rate' is "fast"; it must be a number of more than 0 and less than 10`,
    ],
    [{ learning_rate: 0 }, "'executor.args.learning_rate' is 0; it must be a number of more than 0"],
    [{ learning_rate: 10 }, "'executor.args.learning_rate' is 10;"],
    [
      { learning_rate: 1, local_epochs: '3' },
      `'executor.args.local_epochs' is "3"; it must be a whole number of at least 1 and at most 100, without quotes`,
    ],
    [
      { learning_rate: 1, local_epochs: 0 },
      "'executor.args.local_epochs' is 0; it must be a whole number of at least 1",
    ],
    [{ learning_rate: 1, local_epochs: 1.5 }, "'executor.args.local_epochs' is 1.5;"],
    [{ learning_rate: 1, local_epochs: 101 }, "'executor.args.local_epochs' is 101;"],
    [
      { learning_rate: 1, optimizer: 'adam' },
      `'executor.args.optimizer' is "adam"; it must be one of "adamw", "sgd". Did you mean 'adamw'?`,
    ],
    [{ learning_rate: 1, augment: 'yes' }, `'executor.args.augment' is "yes"; it must be true or false`],
    [{ learning_rate: 1, layers: 8 }, "'executor.args.layers' is 8; it must be a list"],
    [{ learning_rate: null }, "'executor.args.learning_rate' is null;"],
  ])('is refused for %j', async (args, message) => {
    await expect(load(args)).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('is held to it at a single site, too, with the line', async () => {
    const sites = { 'site-2': { args: { local_epochs: '9' } } };
    await expect(load({ learning_rate: 1 }, { sites })).rejects.toMatchObject({
      message: expect.stringContaining(`'sites.site-2.args.local_epochs' is "9"`),
      place: { line: expect.any(Number), excerpt: expect.stringContaining('local_epochs: "9"') },
    });
  });

  it('is held to it on the command line, too, where what has a default can be set by its short name', async () => {
    const { definition } = await load({ learning_rate: 1 }, {}, ['local_epochs=7']);
    expect(definition.executor.args).toMatchObject({ local_epochs: 7 });
    await expect(load({ learning_rate: 1 }, {}, ['local_epochs=none'])).rejects.toMatchObject({
      message: expect.stringContaining(`is "none"; it must be a whole number`),
      place: { excerpt: expect.stringContaining('local_epochs=none') },
    });
  });

  it('lists its arguments as variables, and not what is declared of them', async () => {
    const { source } = await load({ learning_rate: 1 });
    const names = listVariables(source.value).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['learning_rate', 'local_epochs', 'augment']));
    expect(names.filter((name) => /above|declared/.test(name))).toEqual([]);
  });

  it('is refused if a default is none', async () => {
    const executor = {
      ...TINY_JOB.executor,
      declared_args: { step: { type: 'integer', min: 2, default: 1 } },
    };
    const files = { 'job.yaml': stringify({ ...TINY_JOB, executor }) };
    await expect(loadJob(await writeJob(join(root, String(count++)), { files }))).rejects.toMatchObject({
      message: expect.stringContaining(
        "'executor.declared_args.step.default' is 1; it must be a whole number of at least 2",
      ),
    });
  });
});

describe('a job that declares nothing', () => {
  it('may give its script anything', async () => {
    const executor = { ...TINY_JOB.executor, args: { anything: 'x' } };
    const files = { 'job.yaml': stringify({ ...TINY_JOB, executor }) };
    const { definition } = await loadJob(await writeJob(join(root, String(count++)), { files }));
    expect(definition.executor.args).toEqual({ anything: 'x' });
  });
});

describe('a job of a template', () => {
  it.each([
    ['mri-fedavg', 'learning_rate=fast', 'learning_rate'],
    ['mri-fedavg', 'batch_size=0', 'batch_size'],
    ['mri-fedavg', 'local_epochs="3"', 'local_epochs'],
    ['mri-fedavg', 'executor.args.learning_rte=1', 'learning_rte'],
    ['hello-fedavg-numpy', 'learning_rate=much', 'learning_rate'],
  ])('%s refuses %s', async (template, set, name) => {
    const made = createJob(join(root, String(count++)), { template, overrides: [parseOverride(set)] });
    await expect(made).rejects.toMatchObject({
      code: 'NF_JOB_INVALID',
      message: expect.stringContaining(`'executor.args.${name}' is `),
    });
  });
});
