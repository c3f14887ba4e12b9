import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { JOB_LIMITS } from '../../../src/runtime/job/limits.ts';
import { loadJob, readJob } from '../../../src/runtime/job/load.ts';
import { modelApart } from '../../../src/runtime/job/model-apart.ts';
import { type JobParts, writeJob } from '../../support/job-folder.ts';
import { writeModel } from '../../support/model-files.ts';
import { float32 } from '../../support/param-sets.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let folder = '';
let count = 0;

beforeEach(async () => {
  const parent = join(root, String(count++));
  await mkdir(parent);
  folder = join(parent, 'job');
});

const load = async (parts: JobParts = {}, modelComesApart = false) => {
  await writeJob(folder, parts);
  return loadSubmittedJob(folder, { modelComesApart, mostModelBytes: 1e6 });
};
/** A job whose model of round 0 is a file. */
const withModel = (path: string): JobParts => ({ patch: { model: { initial_params: path } } });

describe('a submitted job', () => {
  it('is its definition and its files', async () => {
    const { job, bundle } = await load();
    expect(job.definition.name).toBe('tiny');
    expect(bundle).toEqual(await readBundle(folder));
  });

  it('may name data that only the sites have', async () => {
    const { job } = await load({ patch: { data: { root: '/data/of/the/site' } } });
    expect(job.definition.data?.root).toBe('/data/of/the/site');
  });

  it.each<[string, JobParts, string, object]>([
    ['no job.yaml', { files: { 'job.yaml': undefined } }, 'NF_JOB_NOT_FOUND', {}],
    ['no YAML', { files: { 'job.yaml': 'a: [' } }, 'NF_JOB_YAML', { line: 1 }],
    ['an unknown key', { patch: { workflw: 1 } }, 'NF_JOB_INVALID', { key: 'workflw' }],
    ['no script', { files: { 'client/train.ts': undefined } }, 'NF_JOB_SCRIPT', {}],
    ['a script that leads out', { patch: { executor: { train_script: '../x.ts' } } }, 'NF_JOB_', {}],
    [
      'an unknown model',
      { patch: { model: { initial_params: undefined, type: 'mri-cnnn' } } },
      'NF_',
      { key: 'model.type' },
    ],
  ])('is refused at its place: %s', async (_, parts, code, place) => {
    await expect(load(parts)).rejects.toMatchObject({
      code: expect.stringContaining(code),
      place: expect.objectContaining(place),
    });
  });

  it('may hold its model of round 0', async () => {
    await mkdir(folder);
    await writeModel(folder, 'start', { weights: float32([1, 2]) });
    expect((await load(withModel('start.safetensors'))).bundle.files.map(({ path }) => path)).toContain(
      'start.safetensors',
    );
  });

  it.each([
    ['start.safetensors', 'NF_JOB_DATA'],
    ['../start.safetensors', 'NF_JOB_PATH'],
    ['/etc/hostname', 'NF_JOB_PATH'],
  ])('without the model %s is refused with its line, unless the model comes apart', async (path, code) => {
    await expect(load(withModel(path))).rejects.toMatchObject({
      code,
      place: { key: 'model.initial_params', line: expect.any(Number) },
    });
    expect((await load(withModel(path), true)).job.definition.model.kind).toBe('initial');
  });

  it('cannot reach a file outside through a link', async () => {
    await writeFile(join(folder, '../secret'), 'x');
    await mkdir(folder);
    await symlink('../secret', join(folder, 'start.safetensors'));
    await expect(load(withModel('start.safetensors'))).rejects.toMatchObject({ code: 'NF_JOB_BUNDLE' });
  });

  it('cannot have a folder as its model', async () => {
    await mkdir(join(folder, 'start.safetensors'), { recursive: true });
    await expect(load(withModel('start.safetensors'))).rejects.toMatchObject({ code: 'NF_JOB_DATA' });
  });
});

describe('a model that travels apart', () => {
  it.each([
    ['start.safetensors', false],
    ['models/../start.safetensors', false],
    ['../start.safetensors', true],
    ['../job-2/start.safetensors', true],
    ['/start.safetensors', true],
  ])('%s: %s', async (path, outside) => {
    await writeJob(folder, withModel(path));
    const found = await modelApart(await loadJob(folder));
    expect(found).toBe(outside ? resolve(folder, path) : undefined);
  });

  it('is one inside the folder that is larger than a bundle may be, of which the bundle knows nothing', async () => {
    await writeJob(folder, withModel('models/start.safetensors'));
    await mkdir(join(folder, 'models'));
    const file = join(folder, 'models/start.safetensors');
    await writeFile(file, '');
    await truncate(file, JOB_LIMITS.bytes.most);
    expect(await modelApart(await loadJob(folder))).toBeUndefined();
    const before = await readBundle(folder, { apart: file });
    await truncate(file, JOB_LIMITS.bytes.most + 1);
    expect(await modelApart(await loadJob(folder))).toBe(file);
    const { bundle } = await load(withModel('models/start.safetensors'), true);
    expect(bundle).toEqual(before);
    expect(bundle.files.map(({ path }) => path)).not.toContain('models/start.safetensors');
    // Any other file of that size is still refused.
    await writeJob(folder);
    await expect(readJob(folder)).rejects.toMatchObject({ code: 'NF_JOB_BUNDLE' });
  });

  it('is none where the job gives its arrays or builds its model', async () => {
    await writeJob(folder);
    expect(await modelApart(await loadJob(folder))).toBeUndefined();
    const built = { model: { initial_params: undefined, type: 'mri-cnn' } };
    await writeJob(folder, { patch: built });
    expect(await modelApart(await loadJob(folder))).toBeUndefined();
  });
});
