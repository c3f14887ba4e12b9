import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunRequest, resumeRun } from '../../src/runtime/deployment/simulator/open-run.ts';
import { parseOverride } from '../../src/runtime/job/variables.ts';
import { startCli } from '../support/cli.ts';
import { TINY_JOB, TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { finalModel, latestRun, leftovers, runsOf } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
/** Keeps something in every task, also while the last model is scored, and is best in the middle. */
const SCRIPT = TINY_SCRIPT.replace(
  'const { dtype',
  `await new Promise((resolve) => setTimeout(resolve, 30));
  const rounds = Number(flare.loadState() ?? 0) + 1;
  flare.saveState(rounds);
  const { dtype`,
)
  .replace('+ noise);', '+ noise * rounds);')
  .replace('accuracy: data.reduce((sum, x) => sum + x, 0) / data.length', 'accuracy: -Math.abs(data[0] - 8)');
const [SHORT, LONG] = [3, 7];

const job = (name: string, rounds: number, over: object = {}) =>
  writeJob(join(root, name), {
    script: SCRIPT,
    patch: { name, workflow: { ...TINY_JOB.workflow, num_rounds: rounds }, ...over },
  });
const simulate = (name: string, ...args: string[]) =>
  runJson(['simulate', name, '-w', 'work', ...args], { cwd: root });
const runs = (name: string) => runsOf(join(root, 'work'), name).map((id) => join(root, 'work', name, id));
const bytes = (run: string, file: string) => readFileSync(join(run, file));
/** Every file of a run, by its digest and its time. */
const treeOf = (run: string) =>
  readdirSync(run, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(run, path)).isFile())
    .map((path) => [
      path,
      createHash('sha256').update(bytes(run, path)).digest('hex'),
      statSync(join(run, path)).mtimeMs,
    ]);
/** Models and figures of both are the same. */
function expectSame(one: string, other: string): void {
  expect(finalModel(one)).toEqual(finalModel(other));
  expect(bytes(one, 'best_model.safetensors')).toEqual(bytes(other, 'best_model.safetensors'));
  expect(bytes(one, 'round_metrics.jsonl').toString()).toBe(bytes(other, 'round_metrics.jsonl').toString());
  const best = (run: string) =>
    (JSON.parse(bytes(run, 'metrics.json').toString()) as { best: { model: number } }).best;
  expect(best(one).model).toBe(best(other).model);
}

/** Of a run of all rounds from the beginning, under a name of the same seeds. */
let whole: string;

beforeAll(async () => {
  await job('tiny', LONG);
  await runCli(['simulate', 'tiny', '-w', 'whole', '-q'], { cwd: root });
  whole = latestRun(join(root, 'whole'), 'tiny');
  await writeJob(join(root, 'tiny'), {
    script: SCRIPT,
    patch: { workflow: { ...TINY_JOB.workflow, num_rounds: SHORT } },
  });
  expect((await simulate('tiny')).code).toBe(0);
});

describe('a finished run, with more rounds', () => {
  let parent: string;
  let before: unknown;

  beforeAll(() => {
    [parent = ''] = runs('tiny');
    before = treeOf(parent);
  });

  it('goes on as a new run to the bytes and figures of one that was as long from the beginning', async () => {
    const { answer, stderr } = await simulate('tiny', '--resume', '--set', `num_rounds=${LONG}`);
    expect(answer).toMatchObject({
      exit_code: 0,
      data: { status: 'finished', rounds: LONG, parent: { run_id: basename(parent), round: SHORT } },
    });
    expect(stderr).toContain(
      `Going on from the run ${basename(parent)}, after round ${SHORT}, as a new run in work/tiny/`,
    );
    expect(stderr).not.toContain(`round ${SHORT} of`);
    expectSame(latestRun(join(root, 'work'), 'tiny'), whole);
    expect(leftovers(join(root, 'work'))).toEqual([]);
  });

  it('stays as it was', () => {
    expect(runs('tiny')).toHaveLength(2);
    expect(treeOf(parent)).toEqual(before);
  });

  it('is named by the new one: in its files, in lists, and in the report', async () => {
    const run = latestRun(join(root, 'work'), 'tiny');
    const id = basename(parent);
    expect(JSON.parse(bytes(run, 'run.json').toString())).toMatchObject({
      parent: { run_id: id, round: SHORT },
    });
    const { answer } = await runJson(['runs', 'list', '-w', 'work'], { cwd: root });
    expect(answer.data).toMatchObject([
      { run_id: id, num_rounds: SHORT },
      { num_rounds: LONG, parent: id },
    ]);
    const list = await runCli(['runs', 'list', '-w', 'work'], { cwd: root });
    expect(list.stdout).toMatch(new RegExp(`${LONG} of ${LONG}.*${id}$`, 'm'));
    const shown = await runCli(['runs', 'show', 'tiny', '-w', 'work'], { cwd: root });
    expect(shown.stdout).toContain(`It goes on from the run ${id}, after round ${SHORT}.`);
    await runCli(['report', 'tiny', '-w', 'work'], { cwd: root });
    expect(bytes(run, 'report.html').toString()).toContain(`the run ${id}, after round ${SHORT}`);
  });

  it('says which one was taken where there are several, and takes the one that is named', async () => {
    const newest = basename(latestRun(join(root, 'work'), 'tiny'));
    const { stderr } = await simulate('tiny', '--resume', '--set', `num_rounds=${LONG + 1}`);
    expect(stderr).toContain(
      `Going on from the run ${newest}, the newest of 2 finished ones (--run names another)`,
    );
    const args = ['--resume', '--run', basename(parent), '--set', `num_rounds=${LONG}`];
    const named = await simulate('tiny', ...args);
    expect(named.answer).toMatchObject({ data: { parent: { run_id: basename(parent) } } });
    expect(named.stderr).not.toContain('newest of');
    expectSame(latestRun(join(root, 'work'), 'tiny'), whole);
  });
});

describe('a run that goes on from a finished one', () => {
  it('takes its rounds from the job file, too, with other limits of time', async () => {
    await cp(join(root, 'work'), join(root, 'filed'), { recursive: true, verbatimSymlinks: true });
    const [parent = ''] = runsOf(join(root, 'filed'), 'tiny');
    await cp(join(root, 'tiny'), join(root, 'edited'), { recursive: true });
    const file = join(root, 'edited/job.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(
      file,
      text
        .replace(`num_rounds: ${SHORT}`, `num_rounds: ${LONG}\n  site_timeout: 900`)
        .replace('framework: numpy', 'framework: numpy\n  task_timeout: 7200'),
    );
    const args = ['simulate', 'edited', '-w', 'filed', '--resume', '--run', parent];
    const { answer } = await runJson(args, { cwd: root });
    expect(answer).toMatchObject({ exit_code: 0, data: { rounds: LONG, parent: { run_id: parent } } });
    expectSame(latestRun(join(root, 'filed'), 'tiny'), whole);
  });

  it('may be killed, and is resumed as any other', async () => {
    const [parent = ''] = runsOf(join(root, 'work'), 'tiny');
    const args = ['simulate', 'tiny', '-w', 'work', '--resume'];
    const first = startCli([...args, '--run', parent, '--set', `num_rounds=${LONG}`], { cwd: root });
    await first.sees(`round ${SHORT + 1} of ${LONG}`);
    first.child.kill('SIGKILL');
    await first.done;
    const count = runs('tiny').length;
    const { answer, stderr } = await runJson(args, { cwd: root });
    expect(answer).toMatchObject({ exit_code: 0, data: { rounds: LONG, parent: { run_id: parent } } });
    expect(stderr).toMatch(/^Resuming after round/m);
    expect(runs('tiny')).toHaveLength(count);
    expectSame(latestRun(join(root, 'work'), 'tiny'), whole);
  });
});

describe('a finished run is not gone on from', () => {
  const AUTO = { choice: 'auto', gpu: undefined, requireGpu: false } as const;
  let first = '';

  beforeAll(() => {
    [first = ''] = runsOf(join(root, 'work'), 'tiny');
  });

  /** In this process, by the call behind `--resume`: what it refuses is the same there. */
  const refused = async (request: Partial<RunRequest>, code: string, text: string) => {
    const count = runs('tiny').length;
    const all = {
      job: join(root, 'tiny'),
      flags: {},
      overrides: [],
      maxClients: 9,
      engine: AUTO,
      ...request,
    };
    await expect(resumeRun({ workspace: join(root, 'work'), ...all }, first)).rejects.toMatchObject({
      code,
      exitCode: 4,
      message: expect.stringContaining(text),
    });
    expect(runs('tiny')).toHaveLength(count);
    expect(leftovers(join(root, 'work'))).toEqual([]);
  };
  const longer = (...more: string[]) => [`num_rounds=${LONG}`, ...more].map(parseOverride);

  it.each<[string, Partial<RunRequest>, string]>([
    ['as many rounds as it had', { overrides: [parseOverride(`num_rounds=${SHORT}`)] }, 'NF_RUN_FINISHED'],
    ['fewer rounds', { overrides: [parseOverride('num_rounds=1')] }, 'NF_RUN_FINISHED'],
    ['a longer time alone', { overrides: [parseOverride('task_timeout=9000')] }, 'NF_RUN_FINISHED'],
    ['nothing new', {}, 'NF_RUN_FINISHED'],
  ])('with %s', async (_what, request, code) => {
    await refused(request, code, `is finished, after ${SHORT} rounds`);
  });

  it.each<[string, Partial<RunRequest>, string]>([
    ['another argument', { overrides: longer('step=2') }, 'executor.args.step'],
    ['another metric', { overrides: longer('key_metric=loss') }, 'workflow.key_metric'],
    ['another number of results', { overrides: longer('min_clients=1') }, 'workflow.min_clients'],
    ['another seed', { overrides: longer('seed=8') }, 'seed'],
    ['another seed by its flag', { overrides: longer(), flags: { seed: 8 } }, 'the seed'],
    ['other clients', { overrides: longer(), flags: { clients: 3 } }, 'the number of clients'],
    ['another engine', { overrides: longer(), engine: { ...AUTO, choice: 'cpu' } }, '--engine'],
  ])('with %s, which is named', async (_what, request, what) => {
    await refused(request, 'NF_RUN_CHANGED', what);
  });

  it.each([
    ['another model', 'job.yaml', 'data:\n', 'data:\n        - 5\n', 'model.initial_params.weights.data'],
    ['another seed in the file', 'job.yaml', 'seed: 7', 'seed: 9', 'seed'],
    ['another script', 'client/train.ts', 'await flare.init', '\nawait flare.init', 'client/train.ts'],
  ])('with %s, which is named', async (_what, path, text, instead, named) => {
    const file = join(root, 'tiny', path);
    const before = await readFile(file, 'utf8');
    expect(before).toContain(text);
    await writeFile(file, before.replace(text, instead));
    await refused({ overrides: longer() }, 'NF_RUN_CHANGED', named);
    await writeFile(file, before);
  });

  it.each([
    ['its model', `models/round-000${SHORT}.safetensors`],
    ['what a site kept', 'sites/site-1'],
  ])('without %s', async (_what, path) => {
    const kept = join(root, 'kept');
    await cp(join(root, 'work'), kept, { recursive: true, verbatimSymlinks: true });
    rmSync(join(root, 'work/tiny', first, path), { recursive: true });
    await refused({ overrides: longer() }, 'NF_RUN_FILE', 'is missing');
    await cp(kept, join(root, 'work'), { recursive: true, verbatimSymlinks: true, force: true });
  });
});
