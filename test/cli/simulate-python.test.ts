import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { writeJob } from '../support/job-folder.ts';
import { readModel } from '../support/model-files.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { finalModel, latestRun } from '../support/run-files.ts';
import { SYSTEM_PYTHON } from '../support/system-python.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { writeFiles } from '../support/write-files.ts';

const root = tempFolder();
let count = 0;

/** Numbers that depend on the task alone, and no figure that the job asks for. */
const SCRIPT = `import random
import sys
import nvflare.client as flare

flare.init()
while flare.is_running():
    model = flare.receive()
    print('step', sys.argv[1], file=sys.stderr)
    params = {'weights': [float(value) + random.random() for value in model.params['weights']]}
    flare.send(flare.FLModel(params=params))
`;

/** What FedJob.simulator_run of nvflare does with a job that it has written. */
const AUTHOR = `import subprocess
import sys

module = 'nvflare.private.fed.app.simulator.simulator'
words = [sys.executable, '-m', module, sys.argv[1], '-w', 'work', '-c', "['site-1', 'site-2']", '-n', '2']
assert sys.argv[2:] in ([], ['--threads', '1']), sys.argv
sys.exit(subprocess.run(words, start_new_session=True).returncode)
`;
const PACKAGE = ['nvflare', 'nvflare/private', 'nvflare/private/fed', 'nvflare/private/fed/app'];
/** The package around the module that is replaced. */
const SIMULATOR = [...PACKAGE, 'nvflare/private/fed/app/simulator'].map((name) => `${name}/__init__.py`);

const EXECUTOR = {
  type: 'python',
  train_script: 'client.py',
  framework: 'raw',
  launch_once: false,
  args: {},
};

const job = (executor: object = {}, text = SCRIPT) =>
  writeJob(join(root, `job-${count++}`), {
    files: { 'client.py': text, 'client/train.ts': undefined },
    patch: {
      executor: { ...EXECUTOR, script_args: 'a', ...executor },
      sites: { 'site-2': { script_args: ['b c'] } },
    },
  });

describe('simulate of a script in Python', () => {
  beforeEach(() => {
    vi.stubEnv('NEUROFLARE_PYTHON', SYSTEM_PYTHON ?? '');
  });

  it.skipIf(!SYSTEM_PYTHON)(
    'gives the same bits for any number of threads, and needs no key metric',
    async () => {
      const path = await job();
      const models = [];
      for (const threads of ['1', '2']) {
        const workspace = join(root, `work-${count++}`);
        const { code, stdout, stderr } = await runCli(['simulate', path, '-w', workspace, '-t', threads], {
          cwd: root,
        });
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        expect(stdout).toContain('no site reports accuracy (workflow.key_metric) as a number');
        const run = latestRun(workspace);
        models.push(finalModel(run));
        const log = readFileSync(join(run, 'sites/site-2/log.txt'), 'utf8');
        expect(log).toMatch(/ round 2: step b c$/m);
      }
      expect(models[0]).toEqual(models[1]);
    },
  );

  it.skipIf(!SYSTEM_PYTHON)('names the first failure with its place', async () => {
    const path = await job(
      { launch_once: true },
      SCRIPT.replace('    params', "    open('no-file')\n    params"),
    );
    const { answer } = await runJson(['simulate', path, '-w', join(root, 'failed')], { cwd: root });
    expect(answer).toMatchObject({
      status: 'error',
      error_code: 'NF_SCRIPT_FAILED',
      message: expect.stringContaining('FileNotFoundError'),
      location: {
        file: expect.stringMatching(/job-\d+\/client\.py$/),
        line: 9,
        excerpt: "9 |     open('no-file')",
      },
    });
  });

  it.skipIf(!SYSTEM_PYTHON)(
    'takes a job folder that nvflare has exported',
    async () => {
      const ac = 'nvflare.app_common.';
      const parts = {
        'meta.json': { name: 'hello', deploy_map: { app: ['@ALL'] } },
        'app/config/config_fed_server.json': {
          format_version: 2,
          workflows: [{ path: `${ac}workflows.fedavg.FedAvg`, args: { num_clients: 2, num_rounds: 2 } }],
          components: [{ path: `${ac}np.np_model_persistor.NPModelPersistor`, args: { model: [1, 2] } }],
        },
        'app/config/config_fed_client.json': {
          format_version: 2,
          executors: [
            {
              tasks: ['*'],
              executor: {
                path: `${ac}executors.client_api_executor.ClientAPIExecutor`,
                args: {
                  execution_mode: 'in_process',
                  task_script_path: 'client.py',
                  task_script_args: '--by 2',
                },
              },
            },
          ],
        },
      };
      const script = SCRIPT.replaceAll('weights', 'numpy_key').replace('random.random()', 'int(sys.argv[2])');
      const files = Object.entries(parts).map(([path, part]) => [path, JSON.stringify(part)]);
      const folder = join(root, 'exported');
      await writeFiles(folder, { ...Object.fromEntries(files), 'app/custom/client.py': script });
      const workspace = join(root, 'imported');
      const words = [
        'simulate',
        folder,
        '-w',
        workspace,
        '--n_clients',
        '2',
        '--max_clients',
        '9',
        '--log_config',
        'full',
      ];
      const { code, stderr } = await runCli(words, { cwd: root });
      expect([code, stderr]).toEqual([0, expect.stringContaining('A job of nvflare: imported to')]);
      const { numpy_key: last } = await readModel(join(latestRun(workspace, 'hello'), 'model.safetensors'));
      expect([...(last?.data ?? [])]).toEqual([5, 6]);
      // The same job by a script that starts nvflare's simulator, as its package does.
      const authored = join(root, 'authored');
      await writeFiles(authored, {
        'job.py': AUTHOR,
        ...Object.fromEntries(SIMULATOR.map((file) => [file, ''])),
      });
      const run = await runCli(['job', 'run', 'authored/job.py', folder, '--threads', '1'], { cwd: root });
      expect(run).toMatchObject({ code: 0, stdout: '' });
      const { numpy_key: same } = await readModel(
        join(latestRun(join(authored, 'work'), 'hello'), 'model.safetensors'),
      );
      expect([...(same?.data ?? [])]).toEqual([5, 6]);
      const failed = await runCli(['job', 'run', '-q', 'authored/job.py', join(root, 'none')], { cwd: root });
      expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('NF_PYTHON_JOB') });
      const missing = await runCli(['job', 'run', 'authored/no.py'], { cwd: root });
      expect(missing).toMatchObject({ code: 4, stderr: expect.stringContaining('NF_PATH_MISSING') });
    },
    60_000,
  );

  it('refuses an interpreter that is not there before anything is made', async () => {
    vi.stubEnv('NEUROFLARE_PYTHON', join(root, 'no-python'));
    const { answer } = await runJson(['simulate', await job(), '-w', join(root, 'none')], { cwd: root });
    expect(answer).toMatchObject({ exit_code: 4, error_code: 'NF_PYTHON_MISSING' });
  });
});
