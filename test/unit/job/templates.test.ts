import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { WORKFLOW_TYPES, workflowOf } from '../../../src/runtime/algorithms/registry.ts';
import { toNeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../../src/runtime/base/files/package-root.ts';
import { paramNames } from '../../../src/runtime/base/tensors/nd-array.ts';
import { initialModel } from '../../../src/runtime/federation/initial-model.ts';
import { renewEditorFiles } from '../../../src/runtime/job/editor-files.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { sharedNames } from '../../../src/runtime/job/local-tensors.ts';
import { planRun } from '../../../src/runtime/job/plan.ts';
import { createJob, listTemplates } from '../../../src/runtime/job/templates.ts';
import { parseOverride } from '../../../src/runtime/job/variables.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const HELLO = 'hello-fedavg-numpy';
const root = tempFolder();
let folder = '';
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  await mkdir(folder);
});

const create = (target: string, ...settings: string[]) =>
  createJob(join(folder, target), { template: HELLO, overrides: settings.map(parseOverride) });

describe('the templates', () => {
  it('are listed by name, each with what it is', async () => {
    const templates = await listTemplates();
    expect(templates.map(({ name }) => name)).toContain(HELLO);
    expect(templates.every(({ description }) => description.length > 10)).toBe(true);
  });

  it('are each a job that loads', async () => {
    for (const { name } of await listTemplates()) {
      const { definition } = await createJob(join(folder, name), { template: name, overrides: [] });
      expect(definition.name).toBe(name);
    }
  });

  it('with other names get a nearest match', async () => {
    await expect(
      createJob(join(folder, 'x'), { template: 'hello-fedavg', overrides: [] }),
    ).rejects.toMatchObject({
      code: 'NF_TEMPLATE_UNKNOWN',
    });
    await expect(
      createJob(join(folder, 'x'), { template: 'helo-fedavg-numpy', overrides: [] }),
    ).rejects.toThrow(`Did you mean '${HELLO}'?`);
  });
});

describe('the template of MRI', () => {
  const mri = (...settings: string[]) =>
    createJob(join(folder, 'mri'), { template: 'mri-fedavg', overrides: settings.map(parseOverride) });

  // Statistics and evaluation train nothing: the one has a template of its own, the other is made of a job.
  const training = WORKFLOW_TYPES.filter((type) => type !== 'statistics' && type !== 'evaluation');
  it.each(training.filter((type) => workflowOf(type).tasks?.train?.values === undefined))(
    'becomes one of %s by the type alone, with the same script',
    async (type) => {
      const { definition } = await mri(`workflow.type=${type}`, 'n_clients=3');
      expect(definition.workflow.type).toBe(type);
      const script = 'client/mri-fedavg.ts';
      expect(await readFile(join(folder, 'mri', script), 'utf8')).toBe(
        await readFile(join(PACKAGE_ROOT, 'templates/mri-fedavg', script), 'utf8'),
      );
    },
  );

  it.each([
    ['FedBN, of a model that normalizes', ['model=mri-resnet', 'local_tensors=["*/gamma", "*/beta"]']],
    ['FedPer', ['local_tensors=["logits/*"]']],
  ])('becomes %s by the names of arrays that stay', async (_, settings) => {
    const { definition } = await mri(...settings, 'image_size=32');
    const names = paramNames(await initialModel(definition, LOCAL_FILES));
    const shared = sharedNames(definition.workflow, names);
    expect(shared.length).toBeGreaterThan(0);
    expect(names.filter((name) => !shared.includes(name)).length).toBeGreaterThan(1);
  });
});

describe('the template of secure aggregation', () => {
  const masked = (...settings: string[]) =>
    createJob(join(folder, 'masked'), {
      template: 'mri-secagg-fedavg',
      overrides: settings.map(parseOverride),
    });

  it('is that of MRI, whose updates are summed up in secret', async () => {
    const { definition } = await masked();
    const own = await createJob(join(folder, 'plain'), { template: 'mri-fedavg', overrides: [] });
    const { workflow, executor, model, secureAggregation } = definition;
    expect(secureAggregation).toEqual({ minSites: 3, threshold: undefined, consistency: true });
    expect([workflow, model]).toEqual([own.definition.workflow, own.definition.model]);
    expect(executor).toMatchObject({ args: own.definition.executor.args });
    const script = (template: string) =>
      readFile(join(PACKAGE_ROOT, `templates/${template}/client/${template}.ts`), 'utf8');
    expect(await script('mri-secagg-fedavg')).toBe(await script('mri-fedavg'));
  });

  it.each([
    ['n_clients=2', 'NF_SECAGG_SITES'],
    ['secure_aggregation.min_sites=4', 'NF_SECAGG_SITES'],
    ['secure_aggregation.threshold=1', 'NF_SECAGG_THRESHOLD'],
    ['workflow.min_clients=2', 'NF_SECAGG_TOO_FEW'],
    ['aggregator=median', 'NF_SECAGG_NEEDS_EACH'],
  ])('takes at least three sites, and not %s', async (setting, code) => {
    const { definition } = await masked('n_clients=3');
    expect(planRun(definition, {}).sites).toHaveLength(3);
    await rm(join(folder, 'masked'), { recursive: true });
    const wrong = await masked(...(setting.startsWith('n_clients') ? [] : ['n_clients=3']), setting);
    expect(() => planRun(wrong.definition, {})).toThrow(expect.objectContaining({ code }));
  });
});

describe('a new job', () => {
  it('that is refused leaves no folder above it', async () => {
    const code = 'NF_JOB_INVALID';
    await expect(create('far/away/mine', 'num_rounds=none')).rejects.toMatchObject({ code });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is named as its folder and has what editors need', async () => {
    const { definition } = await create('deep/er/mine');
    expect(definition.name).toBe('mine');
    const path = join(folder, 'deep/er/mine');
    expect(readdirSync(path).sort()).toEqual([
      '.neuroflare',
      'README.md',
      'client',
      'job.yaml',
      'tsconfig.json',
    ]);
    const schema = JSON.parse(await readFile(join(path, '.neuroflare/job.schema.json'), 'utf8'));
    expect(schema.properties).toHaveProperty('workflow');
    expect(await readFile(join(path, 'job.yaml'), 'utf8')).toContain('$schema=.neuroflare/job.schema.json');
  });

  it('holds no path of this machine in what goes into a repository, and is right on the next machine', async () => {
    await create('mine');
    const path = join(folder, 'mine');
    execFileSync('git', ['init', '-q', path]);
    execFileSync('git', ['-C', path, 'add', '-A']);
    const kept = execFileSync('git', ['-C', path, 'ls-files', '-z'], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);
    expect(kept).toContain('tsconfig.json');
    const texts = await Promise.all(kept.map((file) => readFile(join(path, file), 'utf8')));
    expect(texts.filter((text) => text.includes(PACKAGE_ROOT))).toEqual([]);

    const here = join(path, '.neuroflare/tsconfig.json');
    const written = await readFile(here, 'utf8');
    expect(written).toContain(PACKAGE_ROOT);
    await rm(here);
    await renewEditorFiles(path);
    expect(await readFile(here, 'utf8')).toBe(written);
  });

  it('may be read by others, as the user has it', async () => {
    await create('mine');
    expect(statSync(join(folder, 'mine')).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it('keeps the comments of its template beside the values set', async () => {
    await create('mine', 'num_rounds=20', 'key_metric=loss', 'learning_rate=0.5');
    const text = await readFile(join(folder, 'mine/job.yaml'), 'utf8');
    expect(text).toContain('key_metric: loss # chooses the best model');
    expect((await loadJob(join(folder, 'mine'))).definition).toMatchObject({
      workflow: { numRounds: 20 },
      executor: { args: { learning_rate: 0.5 } },
    });
  });

  it('names paths from its own folder, as they were meant where they were typed', async () => {
    const { definition } = await create(
      'a/b',
      `data=${join(folder, 'bids')}`,
      `split=${join(folder, 'split.json')}`,
    );
    const text = await readFile(join(folder, 'a/b/job.yaml'), 'utf8');
    expect(text).toContain('root: ../../bids');
    expect(definition.data).toEqual({ root: join(folder, 'bids'), split: join(folder, 'split.json') });
  });

  it.each([
    ['an unknown variable', 'num_round=2', 'NF_JOB_VARIABLE'],
    ['a wrong value', 'num_rounds=x', 'NF_JOB_INVALID'],
    ['a value inside a value', 'executor.args.learning_rate.x=1', 'NF_JOB_VARIABLE'],
    ['another name that is none', 'name=a/b', 'NF_JOB_INVALID'],
  ])('is not made with %s, and nothing is left', async (_, setting, code) => {
    await expect(create('mine', setting)).rejects.toMatchObject({ code, exitCode: 4 });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that is not made is named in the error, not its draft', async () => {
    await expect(create('mine', 'num_rounds=x')).rejects.toMatchObject({
      place: { file: join(folder, 'mine/job.yaml'), excerpt: expect.stringContaining('num_rounds: x') },
    });
  });

  it('is not made in a folder whose name cannot name a job', async () => {
    await expect(create('my job')).rejects.toMatchObject({ code: 'NF_JOB_INVALID' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['a file', () => writeFile(join(folder, 'mine'), 'kept')],
    ['a folder', () => mkdir(join(folder, 'mine/full'), { recursive: true })],
    ['an empty folder', () => mkdir(join(folder, 'mine'))],
    ['a link to a folder', () => symlink(root, join(folder, 'mine'))],
  ])('takes the place of nothing: not of %s', async (_, make) => {
    await make();
    await expect(create('mine')).rejects.toMatchObject({ code: 'NF_JOB_EXISTS', exitCode: 4 });
    expect(readdirSync(folder)).toEqual(['mine']);
  });

  it('is not made below a file', async () => {
    await writeFile(join(folder, 'file'), '');
    const thrown: unknown = await create('file/mine').catch((error: unknown) => error);
    expect(toNeuroflareError(thrown)).toMatchObject({ code: 'NF_PATH_UNUSABLE', exitCode: 4 });
  });
});
