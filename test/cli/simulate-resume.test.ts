import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RunRequest, resumeRun } from '../../src/runtime/deployment/simulator/open-run.ts';
import { parseOverride } from '../../src/runtime/job/variables.ts';
import { runCli, runJson, startCli } from '../support/cli.ts';
import { TINY_JOB, TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { eventsOf, finalModel, latestRun, leftovers, runsOf } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
/** Trains for a moment and counts its rounds in what it keeps. */
const SLOW = TINY_SCRIPT.replace(
  'const { dtype',
  `await new Promise((resolve) => setTimeout(resolve, 60));
  const rounds = Number(flare.loadState() ?? 0) + 1;
  flare.saveState(rounds);
  const { dtype`,
).replace('+ noise);', '+ noise * rounds);');
const ROUNDS = 5;

let whole: { model: Buffer; metrics: string };

const start = (workspace: string, args: readonly string[] = []) =>
  startCli(['simulate', 'slow', '-w', workspace, ...args], { cwd: root });
const resume = (workspace: string, args: readonly string[] = []) =>
  runJson(['simulate', 'slow', '-w', workspace, '--resume', ...args], { cwd: root });
const figures = (run: string) => readFileSync(join(run, 'round_metrics.jsonl'), 'utf8');

/** Starts a run and stops it once it has shown `text`. */
async function stopped(workspace: string, signal: NodeJS.Signals, text = 'round 2 of 5') {
  const cli = start(workspace, signal === 'SIGKILL' ? [] : ['--json']);
  await cli.sees(text);
  cli.child.kill(signal);
  return { ...(await cli.done), run: latestRun(join(root, workspace), 'slow') };
}

beforeAll(async () => {
  const workflow = { ...TINY_JOB.workflow, num_rounds: ROUNDS };
  await writeJob(join(root, 'slow'), { script: SLOW, patch: { name: 'slow', workflow } });
  const { code } = await start('whole', ['-q']).done;
  expect(code).toBe(0);
  const run = latestRun(join(root, 'whole'), 'slow');
  whole = { model: finalModel(run), metrics: figures(run) };
});

const AUTO = { choice: 'auto', gpu: undefined, requireGpu: false } as const;

describe('a run that was killed in the middle', () => {
  it.each(['Running in', 'round 3 of 5', 'round 5 of 5'])(
    'after "%s" goes on to the same bytes and figures',
    async (text) => {
      const workspace = `killed-${text.replaceAll(' ', '-')}`;
      const { run, code } = await stopped(workspace, 'SIGKILL', text);
      expect(code).toBeUndefined();
      const { answer } = await resume(workspace);
      expect(answer).toMatchObject({ exit_code: 0, data: { status: 'finished', rounds: ROUNDS } });
      expect(runsOf(join(root, workspace), 'slow')).toHaveLength(1);
      expect(finalModel(run)).toEqual(whole.model);
      expect(figures(run)).toBe(whole.metrics);
      expect(leftovers(join(root, workspace))).toEqual([]);
    },
  );

  it('may be killed again, and resumed with other threads', async () => {
    const { run } = await stopped('twice', 'SIGKILL', 'round 1 of 5');
    const second = start('twice', ['--resume', '-t', '1']);
    await second.sees('round 3 of 5');
    second.child.kill('SIGKILL');
    await second.done;
    expect((await resume('twice')).code).toBe(0);
    expect(finalModel(run)).toEqual(whole.model);
  });

  it('says where it takes the run up', async () => {
    await stopped('says', 'SIGKILL');
    const { stderr } = await resume('says');
    expect(stderr).toMatch(/^Resuming after round [23] in says\/slow\//);
  });

  it('by a torn last line of its log goes on', async () => {
    const { run } = await stopped('torn', 'SIGKILL');
    writeFileSync(join(run, 'events.jsonl'), '{"time":"2026', { flag: 'a' });
    expect((await resume('torn')).code).toBe(0);
    expect(finalModel(run)).toEqual(whole.model);
  });
});

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a run stopped by %s', (signal, exitCode) => {
  it(`ends with ${exitCode}, says how to go on, and can`, async () => {
    const workspace = signal.toLowerCase();
    const { code, stdout, stderr, run } = await stopped(workspace, signal);
    expect(code).toBe(exitCode);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'error',
      exit_code: exitCode,
      error_code: 'NF_INTERRUPTED',
      message: `Stopped by ${signal}.`,
      hint: expect.stringContaining('--resume'),
    });
    expect(stderr).toContain(`Error: Stopped by ${signal}.`);
    expect(eventsOf(run).at(-1)).toMatchObject({ type: 'run.interrupted' });
    expect(leftovers(join(root, workspace))).toEqual([]);
    expect((await resume(workspace)).code).toBe(0);
    expect(finalModel(run)).toEqual(whole.model);
  });
});

describe('a resume is refused', () => {
  let run = '';

  beforeAll(async () => {
    ({ run } = await stopped('changed', 'SIGTERM'));
  });

  /** In this process, by the call behind `--resume`: what it refuses is the same there. */
  const refused = async (request: Partial<RunRequest> & { run?: string }, code: string, text: string) => {
    const all = {
      job: join(root, 'slow'),
      flags: {},
      overrides: [],
      maxClients: 9,
      engine: AUTO,
      ...request,
    };
    const resumed = resumeRun({ workspace: join(root, 'changed'), ...all }, request.run);
    await expect(resumed).rejects.toMatchObject({
      code,
      exitCode: 4,
      message: expect.stringContaining(text),
    });
    expect(leftovers(run)).toEqual([]);
  };

  it.each([
    ['client/train.ts', 'await flare.init', '\nawait flare.init', 'client/train.ts'],
    ['job.yaml', 'num_rounds: 5', 'num_rounds: 6', 'workflow.num_rounds of job.yaml'],
    ['job.yaml', 'step: 1', 'step: 2', 'executor.args.step of job.yaml'],
    ['job.yaml', 'seed: 7', 'seed: 8', 'seed of job.yaml'],
  ])('when %s has changed in %j, which is named', async (path, then, now, named) => {
    const file = join(root, 'slow', path);
    const text = await readFile(file, 'utf8');
    expect(text).toContain(then);
    await writeFile(file, text.replace(then, now));
    await refused({}, 'NF_RUN_CHANGED', named);
    await writeFile(file, text);
  });

  it('when another engine is asked for', async () => {
    await refused({ engine: { ...AUTO, choice: 'cpu' } }, 'NF_RUN_CHANGED', '--engine');
  });

  it('when a file has come or gone', async () => {
    const file = join(root, 'slow/client/more.ts');
    await writeFile(file, '');
    await refused({}, 'NF_RUN_CHANGED', 'client/more.ts');
    rmSync(file);
  });

  it('when the copy in the run folder has changed', async () => {
    const file = join(run, 'bundle/client/train.ts');
    const text = await readFile(file, 'utf8');
    await writeFile(file, `${text}//`);
    await refused({}, 'NF_RUN_CHANGED', 'the bundle in the run folder');
    await writeFile(file, text);
  });

  it.each([
    ['another number of clients', { flags: { clients: 3 } }, 'the number of clients'],
    ['other clients', { flags: { siteNames: ['a', 'b'] } }, 'the names of the clients'],
    ['another seed', { flags: { seed: 8 } }, 'the seed'],
    ['other data', { flags: { dataRoot: '.' } }, 'the data folder'],
    [
      'another value',
      { overrides: [parseOverride('num_rounds=9')] },
      'a value of --set (workflow.num_rounds)',
    ],
    ['another seed by --set', { overrides: [parseOverride('seed=8')] }, 'a value of --set (seed)'],
  ])('with %s', async (_, request, what) => {
    await refused(request, 'NF_RUN_CHANGED', what);
  });

  it('when the model of its last round is damaged or gone', async () => {
    const model = join(run, 'models', 'round-0002.safetensors');
    const path = existsSync(model) ? model : join(run, 'models', 'round-0003.safetensors');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(1));
    await refused({}, 'NF_RUN_FILE', 'its SHA-256 differs');
    rmSync(path);
    await refused({}, 'NF_RUN_FILE', 'it is missing');
    await writeFile(path, bytes);
  });

  it('when its log is damaged, with the line', async () => {
    const path = join(run, 'events.jsonl');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('{"time"', '{"tim'));
    await refused({}, 'NF_RUN_JOURNAL', 'is damaged');
    await writeFile(path, text);
  });

  it('when its card cannot be read', async () => {
    const path = join(run, 'run.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, '{}');
    await refused({}, 'NF_RUN_FILE', 'run.json');
    await writeFile(path, text);
  });

  it('of a run that does not exist', async () => {
    await refused({ run: '20200101-000000' }, 'NF_RUN_NOT_FOUND', "'20200101-000000'");
    await refused({ workspace: join(root, 'nowhere') }, 'NF_RUN_NOT_FOUND', 'of slow');
  });

  it('of a run that never began', async () => {
    await cp(join(root, 'changed'), join(root, 'unborn'), { recursive: true, verbatimSymlinks: true });
    const path = join(latestRun(join(root, 'unborn'), 'slow'), 'events.jsonl');
    await writeFile(path, `${(await readFile(path, 'utf8')).split('\n')[0]}\n`);
    await refused({ workspace: join(root, 'unborn') }, 'NF_RUN_FILE', 'stopped before it began');
  });

  it('while another process has the run', async () => {
    const first = start('changed', ['--resume']);
    await first.sees('Resuming');
    const pid = first.child.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    const { answer } = await resume('changed');
    process.kill(pid, 'SIGCONT');
    expect(answer).toMatchObject({
      exit_code: 4,
      error_code: 'NF_PATH_BUSY',
      message: expect.stringContaining(String(pid)),
    });
    expect((await first.done).code).toBe(0);
    expect(finalModel(run)).toEqual(whole.model);
  });

  it('once it is finished', async () => {
    await refused({}, 'NF_RUN_FINISHED', 'is finished');
  });
});

describe('a resume', () => {
  it('takes the same flags again', async () => {
    const flags = ['--set', 'num_rounds=3', '--seed', '5', '-n', '2'];
    const first = start('flags', flags);
    await first.sees('round 1 of 3');
    first.child.kill('SIGKILL');
    await first.done;
    expect((await resume('flags', flags)).answer).toMatchObject({ exit_code: 0, data: { rounds: 3 } });
  });

  it('needs none of them', async () => {
    const first = start('plain', ['--set', 'num_rounds=3', '-c', 'a,b']);
    await first.sees('round 1 of 3');
    first.child.kill('SIGKILL');
    await first.done;
    expect((await resume('plain')).answer).toMatchObject({
      exit_code: 0,
      data: { rounds: 3, sites: ['a', 'b'] },
    });
  });

  it('of a run whose script failed goes on when the cause is gone', async () => {
    const script = TINY_SCRIPT.replace(
      'const { params }',
      `const { existsSync } = await import('node:fs');
  if (flare.siteName() === 'site-2' && !existsSync(String(flare.args().file))) throw new Error('not mounted');
  const { params }`,
    );
    const file = join(root, 'mounted');
    const executor = { ...TINY_JOB.executor, args: { step: 1, file } };
    await writeJob(join(root, 'mount'), { script, patch: { executor } });
    const args = ['simulate', 'mount', '-w', 'mount-work'];
    expect((await runCli(args, { cwd: root })).code).toBe(1);
    writeFileSync(file, '');
    expect((await runCli([...args, '--resume'], { cwd: root })).code).toBe(0);
    await runCli(['simulate', 'mount', '-w', 'mount-whole'], { cwd: root });
    expect(finalModel(latestRun(join(root, 'mount-work')))).toEqual(
      finalModel(latestRun(join(root, 'mount-whole'))),
    );
  });

  it('of a run that failed by task_timeout goes on with a longer one, to the bits of one that had it', async () => {
    // Hangs once: in the second round, where no file says that it was here before.
    const script = TINY_SCRIPT.replace(
      'const { params } = await flare.receive();',
      `const { params, currentRound } = await flare.receive();
  const fs = await import('node:fs');
  const file = String(flare.args().file);
  if (flare.siteName() === 'site-2' && currentRound === 2 && !fs.existsSync(file)) {
    fs.writeFileSync(file, '');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  }`,
    );
    const name = 'patience';
    const file = join(root, `${name}.seen`);
    const executor = { ...TINY_JOB.executor, task_timeout: 6, args: { step: 1, file } };
    await writeJob(join(root, name), { script, patch: { executor } });
    const args = ['simulate', name, '-w', `${name}-work`];
    expect((await runJson(args, { cwd: root })).answer).toMatchObject({
      exit_code: 1,
      error_code: 'NF_SCRIPT_TIMEOUT',
    });
    // One in the file, the other one on the command line.
    const path = join(root, name, 'job.yaml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, `# more patience\n${text.replace('task_timeout: 6', 'task_timeout: 900')}`);
    const longer = ['--set', 'site_timeout=950'];
    expect((await runJson([...args, '--resume', ...longer], { cwd: root })).answer).toMatchObject({
      exit_code: 0,
      data: { status: 'finished' },
    });
    const run = latestRun(join(root, `${name}-work`));
    expect(JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'))).toMatchObject({
      job: { executor: { task_timeout: 900 }, workflow: { site_timeout: 950 } },
    });
    await runCli(['simulate', name, '-w', `${name}-whole`], { cwd: root });
    const undisturbed = latestRun(join(root, `${name}-whole`));
    expect(finalModel(run)).toEqual(finalModel(undisturbed));
    expect(figures(run)).toBe(figures(undisturbed));
  });
});
