import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli as runProcess, runJson as runProcessJson } from '../support/cli.ts';
import { writeJob } from '../support/job-folder.ts';
import { runCli } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const OLD_NODE = fileURLToPath(new URL('../support/old-node.cjs', import.meta.url));
const COMMANDS = [
  'simulate',
  'job create',
  'job list-templates',
  'job show-variables',
  'job validate',
  'preprocess bids',
  'preprocess split',
  'preprocess phantom',
];
const run = (...words: string[]) => runCli(words, { cwd: root });

beforeAll(async () => {
  await writeJob(join(root, 'tiny'));
});

describe('help', () => {
  it.each([[['--help']], [['-h']], [['help']], [[]]])('is printed for %j', async (words) => {
    const { code, stdout, stderr } = await run(...words);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/USAGE\n +\$ neuroflare \[COMMAND\]/);
    expect(stdout).toMatch(/job +make and check job definitions/);
    expect(stdout).toMatch(/simulate +run a job on this machine/);
  });

  it.each([[['job']], [['job', '--help']], [['help', 'job']]])(
    'of a topic lists its commands: %j',
    async (words) => {
      const { code, stdout } = await run(...words);
      expect(code).toBe(0);
      expect(stdout).toMatch(/job create +make a job folder from a template/);
    },
  );

  it.each([[['help', 'job', 'create']], [['job', 'create', '--help']], [['job', 'create', '-h']]])(
    'of a command shows its flags and examples: %j',
    async (words) => {
      const { code, stdout } = await run(...words);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^make a job folder from a template\n/);
      expect(stdout).toContain('--template');
      expect(stdout).toContain('neuroflare job create jobs/hello --template hello-fedavg-numpy');
    },
  );

  it('of the simulator goes by its other name too', async () => {
    expect((await run('simulator', '--help')).stdout).toMatch(/^run a job on this machine/);
  });
});

describe('the version', () => {
  it.each(['--version', '-V', 'version'])('is printed for %s', async (flag) => {
    const { code, stdout } = await run(flag);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^neuroflare\/\d+\.\d+\.\d+ \S+ node-v\d+\S*\n$/);
  });
});

describe('a schema', () => {
  it.each(COMMANDS)('of %s is JSON with its arguments and its result', async (command) => {
    const { code, stdout, stderr } = await run(...command.split(' '), '--schema');
    expect([code, stderr]).toEqual([0, '']);
    const schema = JSON.parse(stdout);
    expect(schema).toMatchObject({
      schema_version: '1',
      command: `neuroflare ${command}`,
      args: expect.arrayContaining([expect.objectContaining({ name: '--json', type: 'boolean' })]),
      output_modes: ['txt', 'json', 'jsonl'],
      result: { $schema: expect.stringContaining('json-schema.org') },
    });
    expect(schema.description).not.toBe('');
  });
});

describe('what is misspelt', () => {
  it.each([
    [['simlate', 'tiny'], 'NF_COMMAND_UNKNOWN', "Unknown command 'simlate'. Did you mean 'simulate'?"],
    [
      ['job', 'crate', 'a/b', 'c'],
      'NF_COMMAND_UNKNOWN',
      "Unknown command 'job crate'. Did you mean 'job create'?",
    ],
    [['list_jobs'], 'NF_COMMAND_UNKNOWN', "Here it is 'job list'."],
    [['poc', 'status'], 'NF_COMMAND_UNKNOWN', "Here it is 'system status'."],
    [['job', 'status', '3f2a'], 'NF_COMMAND_UNKNOWN', "Here it is 'job meta'."],
    [['study', 'lost'], 'NF_COMMAND_UNKNOWN', "Did you mean 'study list'?"],
    [['submit_job', 'jobs/x'], 'NF_COMMAND_UNKNOWN', "Here it is 'job submit'."],
    [['poc', '--prepare'], 'NF_USAGE', "Did you mean 'poc prepare'?"],
    [['job', '--nosuch'], 'NF_USAGE', 'list-templates'],
    [['job', 'entirely', 'else'], 'NF_COMMAND_UNKNOWN', "'neuroflare job --help'"],
    [['simlate'], 'NF_COMMAND_UNKNOWN', "Unknown command 'simlate'. Did you mean 'simulate'?"],
    [['job', 'crate'], 'NF_COMMAND_UNKNOWN', "Did you mean 'job create'?"],
    [['help', 'simlate'], 'NF_COMMAND_UNKNOWN', "Unknown command 'simlate'. Did you mean 'simulate'?"],
    [['--versoin'], 'NF_USAGE', "Nonexistent flag: --versoin. Did you mean '--version'?"],
    [
      ['simulate', 'tiny', '--threds', '2'],
      'NF_USAGE',
      "Nonexistent flag: --threds. Did you mean '--threads'?",
    ],
    [['simulate', 'tiny', '--jsn'], 'NF_USAGE', "Did you mean '--json'?"],
    [['simulate', 'tiny', '--engine', 'orta'], 'NF_USAGE', 'auto, ort, tensorflow, cpu'],
    [['simulate', 'tiny', 'more'], 'NF_USAGE', 'Unexpected argument: more'],
    [['simulate'], 'NF_USAGE', 'Missing argument: JOB (job folder, or one that nvflare has exported)'],
    [['job', 'create', 'x'], 'NF_USAGE', 'Missing required flag'],
    [['job', 'list-templates', '--format', 'xml'], 'NF_USAGE', 'txt, json, jsonl'],
    [['preprocess', 'bids'], 'NF_USAGE', 'Missing arguments: SOURCE ('],
    [['simulate', 'tiny', '-n', 'two'], 'NF_USAGE', '--n-clients: expected an integer but received: two'],
    [['simulate', 'tiny', '--run', 'x'], 'NF_USAGE', '--resume'],
  ])('%j ends with 4, %s and a hint', async (words, errorCode, text) => {
    const { code, stdout, stderr } = await run(...words);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr).toContain(text);
    expect(stderr).toMatch(new RegExp(`^Error: .*\\n(.*\\n)* {2}next: .+\\n {2}code: ${errorCode}\\n$`));
  });

  it.each([
    [['simlate', '--json'], 'NF_COMMAND_UNKNOWN'],
    [['simlate', '--format', 'json'], 'NF_COMMAND_UNKNOWN'],
    [['simulate', 'tiny', '--threds', '2', '--json'], 'NF_USAGE'],
    [['simulate', 'tiny', '--format=jsonl', '--threds'], 'NF_USAGE'],
    [['simulate', '--json'], 'NF_USAGE'],
  ])('%j is answered in JSON where JSON was asked for', async (words, errorCode) => {
    const { code, stdout } = await run(...words);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'error', exit_code: 4, error_code: errorCode });
  });
});

describe('an exit code', () => {
  const cases: readonly [number, string[]][] = [
    [0, ['job', 'list-templates']],
    [0, ['job', 'validate', 'tiny']],
    [1, ['simulate', 'tiny', '-w', 'work', '--set', 'key_metric=missing']],
    [4, ['job', 'validate', 'nowhere']],
  ];

  it.each(cases)('%d is the same in text and in JSON: %j', async (expected, words) => {
    expect((await runProcess(words, { cwd: root })).code).toBe(expected);
    const { code, answer } = await runProcessJson(words, { cwd: root });
    expect([code, answer.exit_code]).toEqual([expected, expected]);
    expect(answer.status).toBe(expected === 0 ? 'ok' : 'error');
  });

  it('of our own mistakes is 5, which no bad input reaches', async () => {
    const { code, stderr } = await runProcess(['job', 'validate', 'tiny'], {
      cwd: root,
      env: {
        NODE_OPTIONS: `--import=${breaking("import fs from 'node:fs'; import m from 'node:module'; fs.promises.realpath = async () => { throw new Error('odd') }; m.syncBuiltinESMExports();")}`,
      },
    });
    expect(code).toBe(5);
    expect(stderr).toContain('Unexpected failure: odd');
    expect(stderr).toContain('NEUROFLARE_DEBUG=1');
  });
});

describe('stderr', () => {
  it.each([
    ['simulate', ['simulate', 'tiny', '-w', 'quiet', '--quiet']],
    ['job create', ['job', 'create', 'new', '-t', 'hello-fedavg-numpy', '-q']],
    ['job validate', ['job', 'validate', 'tiny', '--quiet']],
    [
      'preprocess phantom',
      ['preprocess', 'phantom', 'heads', '-q', '--sites', '1', '--per-class', '1', '--size', '32'],
    ],
  ])('of %s is empty with --quiet', async (_, words) => {
    const { code, stdout, stderr } = await run(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  });

  it('of a failure says what went wrong, quiet or not', async () => {
    expect((await run('job', 'validate', 'nowhere', '-q')).stderr).toContain('NF_JOB_NOT_FOUND');
  });

  it('shows the stack on request only', async () => {
    const words = ['job', 'validate', 'nowhere'];
    expect((await run(...words)).stderr).not.toContain('    at ');
    const { stderr } = await runCli(words, { cwd: root, env: { NEUROFLARE_DEBUG: '1' } });
    expect(stderr).toContain('    at ');
  });
});

describe('text', () => {
  it.each([
    ['with NO_COLOR', { NO_COLOR: '1' }],
    ['where there is no terminal', {}],
  ])('has no colours %s', async (_, env) => {
    const results = await Promise.all(
      [['--help'], ['simulate', '--help'], ['simulate', 'tiny', '-w', 'plain'], ['simlate']].map((words) =>
        runCli(words, { cwd: root, env }),
      ),
    );
    for (const { stdout, stderr } of results) expect(`${stdout}${stderr}`).not.toContain('\u001b');
  });

  it('may be read by who stops reading', async () => {
    const child = spawn(process.execPath, [BIN, 'simulate', '--help'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.stdout.destroy();
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe('an old Node', () => {
  const launch = (words: string[]) =>
    spawn(process.execPath, ['--require', OLD_NODE, BIN, ...words], { cwd: root });

  it('hands over to the one that is beside neuroflare, with the exit code', async () => {
    const child = launch(['job', 'validate', 'nowhere', '--json']);
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ error_code: 'NF_JOB_NOT_FOUND' });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('passes %s on', async (signal, expected) => {
    const script =
      "import * as flare from 'neuroflare/client';\nawait new Promise((resolve) => setTimeout(resolve, 60_000));\n";
    await writeJob(join(root, `long-${signal}`), { script });
    const child = launch(['simulate', `long-${signal}`, '-w', `long-${signal}-work`]);
    child.stderr.on('data', (text) => {
      if (String(text).includes('Running in')) child.kill(signal);
    });
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(expected);
  });
});

/** A module that is loaded before the command line. */
function breaking(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
