import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TINY_JOB, writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { eventsOf, latestRun, leftovers } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();

/** The lines of a client around `body`, which begins in line 4. */
const client = (body: string) => `import * as flare from 'neuroflare/client';
const { params } = await flare.receive();
const { weights } = params;
${body}
`;
const PAUSE = 'await new Promise((resolve) => setTimeout(resolve, 30_000));';

interface Bad {
  readonly what: string;
  readonly script: string;
  readonly code: string;
  readonly message: string;
  /** Where in client/train.ts; without, the site and round are the place. */
  readonly line?: number;
  readonly timeout?: number;
}

const RUNTIME: readonly Bad[] = [
  {
    what: 'throws',
    script: client(`\nthrow new Error('on purpose');`),
    code: 'NF_SCRIPT_FAILED',
    message: 'on purpose',
    line: 5,
  },
  {
    what: 'throws a TypeError',
    script: client('null.x;'),
    code: 'NF_SCRIPT_FAILED',
    message: 'TypeError: Cannot read properties of null',
    line: 4,
  },
  {
    what: 'writes to a built-in function',
    script: client(`\nObject.assign(Array.prototype.map, { calls: 1 });`),
    code: 'NF_SCRIPT_FROZEN',
    message: 'TypeError: Cannot add property calls, object is not extensible',
    line: 5,
  },
  {
    what: 'throws what is no error',
    script: client(`throw 'a word';`),
    code: 'NF_SCRIPT_FAILED',
    message: 'a word',
  },
  {
    what: 'throws in a function it calls',
    script: client(`function f(): never {\n  throw new Error('deep');\n}\nf();`),
    code: 'NF_SCRIPT_FAILED',
    message: 'deep',
    line: 5,
  },
  {
    what: 'rejects a promise nobody awaits',
    script: client(`void Promise.reject(new Error('unheard'));\n${PAUSE}`),
    code: 'NF_SCRIPT_FAILED',
    message: 'unheard',
    line: 4,
  },
  {
    what: 'throws in a timer',
    script: client(`setTimeout(() => {\n  throw new Error('tick');\n}, 5);\n${PAUSE}`),
    code: 'NF_SCRIPT_FAILED',
    message: 'tick',
    line: 5,
  },
  {
    what: 'returns NaN',
    script: client(`weights.data[1] = NaN;\nawait flare.send({ params });`),
    code: 'NF_TENSORS_NOT_FINITE',
    message: "Array 'weights' holds NaN at index 1",
    line: 5,
  },
  {
    what: 'returns wrong names',
    script: client('await flare.send({ params: { weight: weights } });'),
    code: 'NF_TENSORS_NAMES',
    message: "missing 'weights'; unknown 'weight'",
    line: 4,
  },
  {
    what: 'returns wrong shapes',
    script: client('await flare.send({ params: { weights: { ...weights, shape: [2, 2] } } });'),
    code: 'NF_TENSORS_SHAPE',
    message: 'float32[2, 2], the model has float32[4]',
    line: 4,
  },
  {
    what: 'returns another dtype',
    script: client(
      `await flare.send({ params: { weights: { dtype: 'float64', shape: [4], data: new Float64Array(4) } } });`,
    ),
    code: 'NF_TENSORS_SHAPE',
    message: 'float64[4]',
    line: 4,
  },
  {
    what: 'returns plain lists',
    script: client('await flare.send({ params: { weights: [1, 2, 3, 4] } });'),
    code: 'NF_TENSORS_INVALID',
    message: 'dtype is undefined',
    line: 4,
  },
  {
    what: 'returns no params',
    script: client('await flare.send({ metrics: {} });'),
    code: 'NF_RESULT_INVALID',
    message: 'params are missing',
    line: 4,
  },
  {
    what: 'returns metrics beyond all bounds',
    script: client('await flare.send({ params, metrics: { accuracy: 1e300 } });'),
    code: 'NF_RESULT_METRICS',
    message: "'accuracy' is 1e+300",
    line: 4,
  },
  {
    what: 'sends nothing',
    script: client(''),
    code: 'NF_SCRIPT_NO_RESULT',
    message: 'ended without sending',
  },
  {
    what: 'sends twice',
    script: client('await flare.send({ params });\nawait flare.send({ params });'),
    code: 'NF_SCRIPT_USE',
    message: 'called twice',
    line: 5,
  },
  {
    what: 'receives twice',
    script: client('await flare.receive();'),
    code: 'NF_SCRIPT_USE',
    message: 'called twice',
    line: 4,
  },
  {
    what: 'ends its process',
    script: client('process.exit(3);'),
    code: 'NF_SCRIPT_EXITED',
    message: 'with code 3',
  },
  {
    what: 'ends its process as if all were well',
    script: client('process.exit(0);'),
    code: 'NF_SCRIPT_EXITED',
    message: 'with code 0',
  },
  {
    what: 'never answers',
    script: client(PAUSE),
    code: 'NF_SCRIPT_TIMEOUT',
    message: 'within 1 s',
    timeout: 1,
  },
  {
    what: 'waits for nothing',
    script: client('await new Promise(() => undefined);'),
    code: 'NF_SCRIPT_TIMEOUT',
    message: 'within 1 s',
    timeout: 1,
  },
  {
    what: 'loops without end',
    script: client('while (true);'),
    code: 'NF_SCRIPT_TIMEOUT',
    message: 'within 1 s',
    timeout: 1,
  },
  {
    what: 'imports a file that is missing',
    script: `import './nowhere.ts';\n`,
    code: 'NF_SCRIPT_LOAD',
    message: "'./nowhere.ts' does not exist",
    line: 1,
  },
  {
    what: 'imports a file outside the job',
    script: `import '../../outside.ts';\n`,
    code: 'NF_SCRIPT_LOAD',
    message: "'../../outside.ts' lies outside the job folder",
    line: 1,
  },
  {
    what: 'imports a package that is missing',
    script: `import 'no-such-package';\n`,
    code: 'NF_SCRIPT_LOAD',
    message: "there is no package 'no-such-package' beside the job",
    line: 1,
  },
  {
    what: 'imports a name that is not there',
    script: `import { nothing } from 'neuroflare/client';\nnothing();\n`,
    code: 'NF_SCRIPT_LOAD',
    message: "does not provide an export named 'nothing'",
    line: 1,
  },
  {
    what: 'keeps what cannot be kept',
    script: client('flare.saveState(() => 1);'),
    code: 'NF_SCRIPT_FAILED',
    message: 'could not be cloned',
    line: 4,
  },
];

describe('a script that', () => {
  let count = 0;
  const folders: string[] = [];

  it.concurrent.each(RUNTIME)(
    '$what ends the run with 1 and $code',
    async ({ script, code, message, line, timeout }) => {
      const name = `job-${count++}`;
      const executor = { ...TINY_JOB.executor, ...(timeout && { task_timeout: timeout }) };
      await writeJob(join(root, name), { script, patch: { executor } });
      folders.push(name);
      const workspace = join(root, `${name}-work`);
      const result = await runJson(['simulate', name, '-w', `${name}-work`, '-t', '1'], { cwd: root });
      expect(result.code).toBe(1);
      expect(result.answer).toMatchObject({
        status: 'error',
        exit_code: 1,
        error_code: code,
        message: expect.stringContaining(message),
        hint: expect.stringMatching(/\w+/),
        location: { site: 'site-1', round: 1, ...(line && { file: `${name}/client/train.ts`, line }) },
      });
      expect(result.stderr).toContain(`code: ${code}`);
      if (line) expect(result.stderr).toContain(`${name}/client/train.ts:${line}`);
      const events = eventsOf(latestRun(workspace));
      const texts = `${result.stdout}${result.stderr}${JSON.stringify(events)}`;
      expect(texts).not.toContain('/bundle/');
      expect(texts).not.toContain('?task=');
      expect(events.find((event) => event.type === 'site.failed')).toMatchObject({
        task: 'train/1/site-1',
        error: { code },
      });
      expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code } });
      expect(leftovers(workspace)).toEqual([]);
    },
  );

  afterAll(() => expect(folders).toHaveLength(RUNTIME.length));
});

describe('a job that', () => {
  it.each([
    [
      'names a script that is missing',
      { patch: { executor: { train_script: 'client/trian.ts' } } },
      'NF_JOB_SCRIPT_MISSING',
      "Did you mean 'client/train.ts'?",
    ],
    [
      'has a script that does not parse',
      { script: 'const a = 1;\nconst b = ;\n' },
      'NF_JOB_SCRIPT_SYNTAX',
      'client/train.ts:2:11',
    ],
  ])('%s is refused with 4 before anything runs', async (_, parts, code, text) => {
    const name = code.toLowerCase();
    await writeJob(join(root, name), parts);
    const {
      code: exit,
      stderr,
      stdout,
    } = await runCli(['simulate', name, '-w', `${name}-work`], { cwd: root });
    expect(exit).toBe(4);
    expect(stderr).toContain(code);
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(() => readFileSync(join(root, `${name}-work`))).toThrow('ENOENT');
  });

  it('has a key metric that is never reported ends after one round', async () => {
    const script = client('await flare.send({ params, metrics: { acuracy: 1 } });');
    await writeJob(join(root, 'metric'), { script });
    const { answer } = await runJson(['simulate', 'metric', '-w', 'metric-work'], { cwd: root });
    expect(answer).toMatchObject({ exit_code: 1, error_code: 'NF_KEY_METRIC_MISSING' });
    expect(answer.message).toContain("Did you mean 'acuracy'?");
    expect(
      eventsOf(latestRun(join(root, 'metric-work'))).filter(({ type }) => type === 'round.opened'),
    ).toHaveLength(1);
  });

  it('fails at every site tells the first failure, once', async () => {
    const script = client(`throw new Error('at ' + flare.siteName());`);
    await writeJob(join(root, 'all'), { script });
    const { stderr } = await runCli(['simulate', 'all', '-w', 'all-work', '-t', '1'], { cwd: root });
    expect(stderr).toMatch(/^Error: .*at site-1$/m);
    expect(stderr.match(/failed: at site-1/g)).toHaveLength(1);
    expect(stderr).not.toContain('at site-2');
  });

  it('goes on without a site says so at once', async () => {
    const script = client(`if (flare.siteName() === 'site-1') throw new Error('at site-1');
await flare.send({ params, metrics: { accuracy: 1 }, numExamples: 1 });`);
    const workflow = { ...TINY_JOB.workflow, min_clients: 1 };
    await writeJob(join(root, 'some'), { script, patch: { workflow } });
    const { stderr, code } = await runCli(['simulate', 'some', '-w', 'some-work'], { cwd: root });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^failed: .*at site-1 \(site-1, round 1/m);
  });

  it('fails in the scoring of the final model leaves it, and names it', async () => {
    const body = `if (flare.isEvaluate() && flare.siteName() === 'site-2') throw new Error('out of memory');
await flare.send({ params, metrics: { accuracy: 0.5 } });`;
    await writeJob(join(root, 'last'), { script: client(body) });
    const { stderr, code } = await runCli(['simulate', 'last', '-w', 'last-work'], { cwd: root });
    const folder = latestRun(join(root, 'last-work'));
    expect(code).toBe(1);
    expect(stderr).toContain('site-2, final scoring');
    expect(stderr).not.toContain('round 3');
    expect(stderr).toMatch(/the last model is in \S+model\.safetensors \(model 2\)/);
    for (const name of ['model.safetensors', 'best_model.safetensors', 'metrics.json'])
      expect(readFileSync(join(folder, name)).length).toBeGreaterThan(0);
    const { answer } = await runJson(['runs', 'show', 'tiny', '-w', 'last-work'], { cwd: root });
    expect(answer.data).toMatchObject({
      status: 'failed',
      final: { model: 2, file: expect.stringMatching(/\/model\.safetensors$/) },
      failures: [{ site: 'site-2', stage: 'final scoring' }],
    });
  });

  it('fails in a later round leaves the last model it had', async () => {
    const body = `if (flare.seed() && (await import('neuroflare/client')).loadState()) throw new Error('later');
flare.saveState(1);
await flare.send({ params, metrics: { accuracy: 0.5 } });`;
    await writeJob(join(root, 'later'), { script: client(body) });
    const { stderr } = await runCli(['simulate', 'later', '-w', 'later-work'], { cwd: root });
    expect(stderr).toMatch(/the last model is in \S+last_model\.safetensors \(model 1\)/);
  });
});
