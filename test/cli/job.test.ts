import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
const run = (...words: string[]) => runCli(['job', ...words], { cwd: root });
const json = (...words: string[]) => runJson(['job', ...words], { cwd: root });
const HELLO = 'hello-fedavg-numpy';

beforeAll(async () => {
  await writeJob(join(root, 'tiny'));
});

describe('recipe', () => {
  it('lists templates by framework and text, and shows one', async () => {
    const recipe = async (line: string) =>
      (await runJson(`recipe ${line}`.split(' '), { cwd: root })).answer as {
        data: { name: string; framework: string; files: string[] }[];
      };
    expect((await recipe('list --framework numpy')).data.map(({ name }) => name)).toContain(
      'hello-fedavg-numpy',
    );
    expect((await recipe('list --filter SEGMENT')).data).toMatchObject([
      { name: 'mri-segmentation', workflow: 'fedavg', framework: 'tfjs' },
    ]);
    expect(await recipe('show statistics')).toMatchObject({
      data: {
        workflow: 'statistics',
        files: expect.arrayContaining(['job.yaml']),
        variables: expect.anything(),
      },
    });
    expect(await recipe('show statistic')).toMatchObject({
      error_code: 'NF_TEMPLATE_UNKNOWN',
      nvflare_code: 'RECIPE_ENTRY_NOT_FOUND',
    });
  });
});

describe('job list-templates', () => {
  it('lists them with what they are', async () => {
    const { code, stdout } = await run('list-templates');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^template +what it is\n/);
    expect(stdout).toMatch(/^hello-fedavg-numpy +FedAvg on plain arrays/m);
  });

  it("goes by nvflare's name too", async () => {
    expect((await json('list_templates')).answer.data).toEqual(
      expect.arrayContaining([{ name: HELLO, description: expect.any(String) }]),
    );
  });
});

describe('job create', () => {
  it('makes a job that is valid, and says what to type next', async () => {
    const { code, stdout } = await run('create', 'jobs/hello', '--template', HELLO, '--set', 'num_rounds=4');
    expect(code).toBe(0);
    expect(stdout).toBe(
      `Created jobs/hello from ${HELLO}.\nNext: neuroflare job validate jobs/hello; neuroflare simulate jobs/hello\n`,
    );
    expect((await json('validate', 'jobs/hello')).answer.data).toMatchObject({ job: 'hello', rounds: 4 });
  });

  it('looks for the data of a template where it is typed, and says that it is not there', async () => {
    const { answer } = await json('create', 'mri/brain', '-t', 'mri-fedavg');
    expect(answer.data).toMatchObject({ missing: ['bids', 'split.json'] });
    const { stdout } = await run('create', 'mri/other', '-t', 'mri-fedavg', '-s', 'data=elsewhere');
    expect(stdout).toContain('Its data is not there yet: elsewhere, split.json. Make it with');
    expect((await json('validate', 'mri/other')).answer.message).toContain(join(root, 'elsewhere'));
  });

  it('takes folder and template as nvflare does', async () => {
    const { code, stdout } = await run('create', '-j', 'jobs/as nvflare/one', '-w', HELLO);
    expect([code, stdout]).toEqual([
      0,
      `Created jobs/as nvflare/one from ${HELLO}.\nNext: neuroflare job validate 'jobs/as nvflare/one'; neuroflare simulate 'jobs/as nvflare/one'\n`,
    ]);
  });

  it.each([[['-t', HELLO]], [['jobs/a', '-j', 'jobs/b', '-t', HELLO]]])(
    'wants one folder: %j',
    async (words) => {
      const { answer } = await json('create', ...words);
      expect(answer).toMatchObject({
        error_code: 'NF_USAGE',
        message: expect.stringContaining('one folder'),
      });
    },
  );

  it('reads paths where they are typed', async () => {
    await run('create', 'jobs/data', '-t', HELLO, '-s', 'data=./bids', '-s', 'split=split.json');
    const text = await readFile(join(root, 'jobs/data/job.yaml'), 'utf8');
    expect(text).toMatch(/root: \.\.\/\.\.\/bids\n +split: \.\.\/\.\.\/split\.json/);
  });

  it('leaves what is there alone', async () => {
    await writeFile(join(root, 'taken'), 'kept');
    const { answer } = await json('create', 'taken', '-t', HELLO);
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_JOB_EXISTS' });
    expect(await readFile(join(root, 'taken'), 'utf8')).toBe('kept');
  });

  it.each([
    [['x', '-t', 'helo-fedavg-numpy'], 'NF_TEMPLATE_UNKNOWN', `Did you mean '${HELLO}'?`],
    [['x', '-t', HELLO, '-s', 'num_round=2'], 'NF_JOB_VARIABLE', "Did you mean 'num_rounds'?"],
    [['x', '-t', HELLO, '-s', 'num_rounds'], 'NF_JOB_SET', 'NAME=VALUE'],
    [['x', '-t', HELLO, '-s', 'num_rounds=-1'], 'NF_JOB_INVALID', 'workflow.num_rounds'],
    [['x y', '-t', HELLO], 'NF_JOB_INVALID', "'name'"],
  ])('%j is refused and makes nothing', async (words, code, text) => {
    const { answer } = await json('create', ...words);
    expect(answer).toMatchObject({ exit_code: 4, error_code: code, message: expect.stringContaining(text) });
    expect(existsSync(join(root, 'x'))).toBe(false);
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('job validate', () => {
  it('explains what goes with secure aggregation, and what does not', async () => {
    await writeJob(join(root, 'summed'), { patch: { workflow: { n_clients: 5 } } });
    const secure = ['--set', 'secure_aggregation={}'];
    const { stdout } = await run('validate', 'summed', '--explain', ...secure);
    expect(stdout).toContain(
      'Of 5 sites of a round 4 open its sum, 1 may drop out, and a server with 2 sites on its side learns the sum of the others alone.\n',
    );
    expect(stdout).toContain('yes  workflow.type (fedavg): its rounds need the sum of the updates alone');
    const other = ['--set', 'aggregator=median'];
    expect((await run('validate', 'summed', '--explain', ...other)).stdout).toContain(
      'no   workflow.aggregator (median): it compares the updates of the sites with one another',
    );
    expect((await json('validate', 'summed', ...secure, ...other)).answer).toMatchObject({
      error_code: 'NF_SECAGG_NEEDS_EACH',
    });
    const { data } = (await json('validate', 'summed', ...secure)).answer;
    expect(data).toMatchObject({
      secure_aggregation: { sites: 5, threshold: 4, drop_outs: 1, colluding: 2 },
    });
    expect(data).not.toHaveProperty('explained');
  });

  const warningsOf = async (...words: string[]) => {
    const { answer } = await json('validate', ...words);
    expect(answer).toMatchObject({ status: 'ok' });
    return (answer.data as { warnings: string[] }).warnings.filter((text) => /metric|loss/.test(text));
  };

  it('warns of a key metric that is a loss by its name', async () => {
    await run('create', 'jobs/cost', '-t', HELLO, '-s', 'key_metric=loss');
    expect((await warningsOf('jobs/cost'))[0]).toContain('lower loss is taken as better, by its name');
    const { stdout } = await run('validate', 'jobs/cost');
    expect(stdout).toContain('warning: lower loss is taken as better');
  });

  it('warns of what a site keeps from scripts, and simulate does not', async () => {
    const [script, head] = [
      'client/train.ts',
      `import { spawnSync } from 'node:child_process';\nimport 'http';\n`,
    ];
    await writeJob(join(root, 'spawns'), { script: `${head}spawnSync('true');\n${TINY_SCRIPT}` });
    const { stdout } = await run('validate', 'spawns');
    expect(stdout).toContain(
      `warning: ${script} imports child_process, http, which a site keeps from scripts`,
    );
    expect((await run('validate', 'tiny')).stdout).not.toContain('imports');
  });

  it.each([
    ['misspelt', 'acuracy', "Did you mean 'accuracy'?"],
    ['that the script never reports', 'balanced_accuracy', 'does not name'],
  ])('warns of a key metric %s', async (_, metric, text) => {
    const [warning] = await warningsOf('tiny', '--set', `key_metric=${metric}`);
    expect(warning).toContain(`workflow.key_metric is ${metric}`);
    expect(warning).toContain(text);
    const { stderr } = await runCli(['simulate', 'tiny', '-w', 'warned', '--set', `key_metric=${metric}`], {
      cwd: root,
    });
    expect(stderr.indexOf(`workflow.key_metric is ${metric}`)).toBeLessThan(
      stderr.indexOf('NF_KEY_METRIC_MISSING'),
    );
    expect(stderr).toContain(`warning: workflow.key_metric is ${metric}`);
  });
});

describe('job show-variables', () => {
  it('lists name, value and path', async () => {
    const { stdout } = await run('show-variables', 'tiny');
    expect(stdout).toMatch(/^variable +value +path\n/);
    expect(stdout).toMatch(/^num_rounds +2 +workflow\.num_rounds$/m);
  });

  it('lists nothing that --set would not take', async () => {
    const { answer } = await json('show_variables', 'tiny');
    const variables = answer.data as { name: string; value: unknown }[];
    const settings = variables.flatMap(({ name, value }) => ['--set', `${name}=${JSON.stringify(value)}`]);
    expect((await json('validate', 'tiny', ...settings)).answer).toMatchObject({ exit_code: 0 });
  });
});

describe('job validate', () => {
  it('says what it found', async () => {
    const { code, stdout } = await run('validate', 'tiny');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'tiny is valid: 2 sites, 2 rounds, 2 files, 4 parameters.',
      expect.stringMatching(/^warning: executor\.framework changes nothing/),
      '',
    ]);
  });

  it('tells the digest and the files of the bundle', async () => {
    const { answer } = await json('validate', 'tiny');
    expect(answer.data).toMatchObject({
      bundle_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      files: ['client/train.ts', 'job.yaml'],
      sites: ['site-1', 'site-2'],
    });
  });

  it('shows the line and a caret below the column', async () => {
    await writeJob(join(root, 'bad'), { patch: { workflow: { num_round: 2 } } });
    const { code, stderr } = await run('validate', 'bad');
    expect(code).toBe(4);
    expect(stderr).toMatch(
      / {2}at workflow.num_round, \S*bad\/job\.yaml:\d+:3\n {4}\d+ \| {3}num_round: 2\n {4} +\| {3}\^/,
    );
  });

  it.each([[[1, 2, 3, 4]], [[]], [5]])('takes initial params %j', async (data) => {
    await writeJob(join(root, 'arrays'), { patch: { model: { initial_params: { weights: { data } } } } });
    expect((await json('validate', 'arrays')).answer.exit_code).toBe(0);
  });
});
