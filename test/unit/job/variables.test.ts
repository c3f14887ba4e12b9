import { describe, expect, it } from 'vitest';
import { pathInJob } from '../../../src/runtime/job/definition.ts';
import { applyOverrides, listVariables, parseOverride } from '../../../src/runtime/job/variables.ts';
import { TINY_JOB } from '../../support/job-folder.ts';

const named = (job: unknown) =>
  Object.fromEntries(listVariables(job).map(({ name, path, value }) => [name, [path, value]]));

describe('the variables of a job', () => {
  it('are its leaves by short names', () => {
    expect(named(TINY_JOB)).toMatchObject({
      num_rounds: ['workflow.num_rounds', 2],
      step: ['executor.args.step', 1],
      seed: ['seed', 7],
    });
  });

  it('keep their paths where a short name would mean two', () => {
    const names = Object.keys(named(TINY_JOB));
    expect(names).toContain('workflow.type');
    expect(names).toContain('executor.type');
    expect(names).not.toContain('type');
  });

  it('call the data folder data and the split split', () => {
    expect(named({ data: { root: './bids', split: './split.json' } })).toEqual({
      data: ['data.root', './bids'],
      split: ['data.split', './split.json'],
    });
  });

  it('take a list as one value', () => {
    expect(named({ model: { classes: ['a', 'b'] } })).toEqual({ classes: ['model.classes', ['a', 'b']] });
  });

  it('take a whole model in place of the one that is there, and then its keys', () => {
    const job = { model: { type: 'mri-cnn', width: 8, image_size: 64 } };
    const set = (...texts: string[]) => applyOverrides(job, texts.map(parseOverride));
    expect(set('model={type: mri-resnet, image_size: 32}')).toEqual({
      model: { type: 'mri-resnet', image_size: 32 },
    });
    expect(set('model={type: mri-resnet, image_size: 32}', 'image_size=48')).toEqual({
      model: { type: 'mri-resnet', image_size: 48 },
    });
    expect(set('model=mri-resnet')).toEqual({ model: { ...job.model, type: 'mri-resnet' } });
    expect(set('model=[a]')).toEqual({ model: { ...job.model, type: ['a'] } });
  });

  it('take a whole workflow in place of the one that is there, with none of its options', () => {
    const job = { workflow: { type: 'fedopt', num_rounds: 60, server_learning_rate: 0.01 } };
    const set = (...texts: string[]) => applyOverrides(job, texts.map(parseOverride));
    expect(set('workflow={type: fedavg, num_rounds: 30}', 'num_rounds=20')).toEqual({
      workflow: { type: 'fedavg', num_rounds: 20 },
    });
    expect(() => set('workflow=fedavg')).toThrow(/no variable 'workflow'/);
  });

  it('leave out the version and the arrays of the model', () => {
    const names = Object.keys(named(TINY_JOB));
    expect(names.filter((name) => /version|weights|dtype/.test(name))).toEqual([]);
  });
});

describe('a path typed by the user', () => {
  it.each([
    ['bids', 'jobs/x', '../../bids'],
    ['jobs/x/bids', 'jobs/x', './bids'],
    ['jobs/x', 'jobs/x', '.'],
    ['../bids', 'job', '../../bids'],
    ['/data/../data/bids', '/data/jobs/x', '../../bids'],
  ])('%s stands in the job at %s as %s', (path, folder, expected) => {
    expect(pathInJob(path, folder)).toBe(expected);
  });
});
