import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { COMMON_TASKS } from '../../../../src/runtime/algorithms/task.ts';
import { sha256File } from '../../../../src/runtime/base/digest.ts';
import type { SiteJobFolder } from '../../../../src/runtime/deployment/client/memory/client-folder.ts';
import type { TaskEvent, TaskOutcome, TaskWatch } from '../../../../src/runtime/site/executor/executor.ts';
import { PYTHON_FOLDER, type PythonExecutor } from '../../../../src/runtime/site/python/python-executor.ts';
import { readModel } from '../../../support/model-files.ts';
import { pythonExecutor, pythonOrder, pythonScript } from '../../../support/python-script.ts';
import { makeJobFolder, watching } from '../../../support/script-process.ts';
import { SYSTEM_PYTHON } from '../../../support/system-python.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
const interpreter = SYSTEM_PYTHON ?? '';
let count = 0;
let folder: SiteJobFolder;
let executor: PythonExecutor | undefined;
let events: TaskEvent[] = [];

afterEach(async () => {
  await executor?.close();
  executor = undefined;
  events = [];
});

async function open(over: Partial<Parameters<typeof pythonExecutor>[1]> = {}): Promise<PythonExecutor> {
  folder = await makeJobFolder(join(root, String(count++), 'work'));
  executor = pythonExecutor(folder, { interpreter, ...over });
  return executor;
}

type Wish = Partial<TaskWatch> & Parameters<typeof pythonOrder>[2];

async function run(text: string, { round, site, form, ...watch }: Wish = {}): Promise<TaskOutcome> {
  const at = executor ?? (await open());
  const order = await pythonOrder(folder, text, { round, site, form } as Parameters<typeof pythonOrder>[2]);
  const emit = (event: TaskEvent) => void events.push(event);
  return at.run(order, watching({ emit, ...watch }));
}

const printed = () => events.flatMap((event) => (event.type === 'log' ? [event.text] : [])).join('');
const weights = async () => [
  ...((await readModel(join(folder.work, 'update.safetensors'))).weights?.data ?? []),
];
const result = { type: 'result' };

describe.skipIf(!SYSTEM_PYTHON)('the executor of Python, whose scripts talk to nvflare.client', () => {
  it("gives SCAFFOLD's control variate with the model, and takes the change of the site's own", async () => {
    const answer = {
      model: { form: 'subset:model' },
      control: { form: 'subset:model', by: 'trainer' },
    } as const;
    const train = { when: 'training', answer } as const;
    const script = `import nvflare.client as flare
flare.init()
while flare.is_running():
    model = flare.receive()
    control = model.meta['scaffold_c_global']['weights']
    own = [value + 1 for value in control]
    meta = {} if model.current_round == 1 else {'scaffold_c_diff': {'weights': own}}
    flare.send(flare.FLModel(params=model.params, metrics={}, meta=meta))
`;
    await open();
    const order = await pythonOrder(folder, script, { form: train });
    const control = join(folder.work, 'control.safetensors');
    const task = { ...order.task, context: { ...order.task.context, rule: { kind: 'scaffold', option: 2 } } };
    const output = { ...order.output, files: { ...order.output.files, control } };
    const outcome = await executor?.run({ ...order, task, output } as typeof order, watching({}));
    expect(outcome).toMatchObject({ answer: { files: { control: await sha256File(control) } } });
    expect([...((await readModel(control)).weights?.data ?? [])]).toEqual([1, 1]);
    const next = {
      ...task,
      inputs: { ...task.inputs, control },
      context: { ...task.context, currentRound: 2 },
    };
    expect(await executor?.run({ ...order, task: next, output } as typeof order, watching({}))).toMatchObject(
      {
        error: { code: 'NF_SCRIPT_FAILED', message: expect.stringContaining("'scaffold_c_diff'") },
      },
    );
  });

  it('gives the answer of a script, with its file on disk, its digest and its weight', async () => {
    const outcome = await run(pythonScript("params['weights'] = [9, 2]"));
    expect(outcome).toEqual({
      type: 'result',
      answer: {
        paramsType: 'FULL',
        numExamples: 3,
        metrics: { done: 1 },
        files: { model: await sha256File(join(folder.work, 'update.safetensors')) },
      },
    });
    expect(await weights()).toEqual([9, 2]);
  });

  it('tells rounds from 0, the names of tasks, of the job and of the site, and its arguments', async () => {
    await open({ script_args: `--name 'two words' \${site}` });
    const body = `print(flare.get_task_name(), model.current_round, model.total_rounds, model.meta['site_name'], flare.system_info())
print(flare.is_train(), flare.is_evaluate(), flare.is_submit_model(), sys.argv[1:])`;
    await run(pythonScript(body, 'import sys'), { round: 2 });
    expect(printed()).toContain("train 1 3 site-1 {'job_id': 'tiny', 'site_name': 'site-1'}\n");
    expect(printed()).toContain("True False False ['--name', 'two words', 'site-1']\n");
  });

  it('takes the figures alone where a task scores the model, also of a script that trains on every task', async () => {
    const outcome = await run(
      pythonScript("print(flare.get_task_name()); metrics = {'loss': float('nan')}"),
      {
        form: COMMON_TASKS.evaluate,
      },
    );
    expect(printed()).toContain('validate\n');
    expect(outcome).toMatchObject({ answer: { files: {}, metrics: { loss: null } } });
  });

  it('passes on what is printed and tracked, by whole lines', async () => {
    const before = 'import sys\nfrom nvflare.client.tracking import SummaryWriter';
    const body = `print('one', end=' '); print('two', file=sys.stderr); print('line')
SummaryWriter().add_scalar('loss', 0.5, global_step=7)`;
    await run(pythonScript(body, before));
    expect(printed()).toMatch(/^one line$/m);
    expect(printed()).toMatch(/^two$/m);
    expect(printed()).toContain('loss = 0.5 at step 7\n');
    expect(events[0]).toEqual({ type: 'started' });
  });

  it('sends the difference to what was received, also of a script that trains in place', async () => {
    await open({ params_transfer_type: 'DIFF' });
    const body = `params = model.params
params['weights'][0] += 0.5`;
    expect(await run(pythonScript(body))).toMatchObject({ answer: { paramsType: 'DIFF' } });
    expect(await weights()).toEqual([0.5, 0]);
  });

  it.each([
    [
      'raises',
      pythonScript("raise ValueError('it broke')"),
      { code: 'NF_SCRIPT_FAILED', message: /ValueError: it broke/, line: 8 },
    ],
    ['cannot be read', 'x = (\n', { code: 'NF_SCRIPT_LOAD', message: /SyntaxError/, line: 1 }],
    [
      'needs what is not installed',
      'import os\nimport no_such_package.part\n',
      { code: 'NF_PYTHON_MODULE', message: /'no_such_package'/, line: 2 },
    ],
    [
      'asks for a part of nvflare that nobody has',
      'from nvflare.app_opt.xgboost import x\n',
      { code: 'NF_PYTHON_MODULE', message: /nvflare\.app_opt\.xgboost/, line: 1 },
    ],
    ['runs out of memory', 'raise MemoryError()\n', { code: 'NF_PYTHON_MEMORY', line: 1 }],
    [
      'crashes in native code',
      'import ctypes\nctypes.string_at(1)\n',
      { code: 'NF_PYTHON_CRASH', message: /SIGSEGV/, line: 2 },
    ],
    [
      'takes other arguments',
      "import argparse\nargparse.ArgumentParser().parse_args(['--no'])\n",
      { code: 'NF_PYTHON_EXITED', message: /code 2.*unrecognized arguments: --no/ },
    ],
    ['ends without an answer', 'import nvflare.client\n', { code: 'NF_SCRIPT_NO_RESULT' }],
    [
      'sends another shape',
      pythonScript("params['weights'] = [1, 2, 3]"),
      { code: 'NF_SCRIPT_FAILED', message: /params\['weights'\] has the shape \[3\]/, line: 9 },
    ],
    [
      'sends other names',
      pythonScript("params = {'wieghts': [1, 2]}"),
      { code: 'NF_SCRIPT_FAILED', message: /missing weights; unknown wieghts/, line: 9 },
    ],
    [
      'sends what is not finite',
      pythonScript("params['weights'] = [float('inf'), 2]"),
      { code: 'NF_TENSORS_NOT_FINITE', line: 9 },
    ],
    [
      'sends no params',
      pythonScript('params = None'),
      { code: 'NF_RESULT_INVALID', message: /params are missing/, line: 9 },
    ],
    [
      'raises once it has answered',
      `${pythonScript('pass')}raise KeyError('late')\n`,
      { code: 'NF_SCRIPT_FAILED', message: /KeyError: 'late'/, line: 10 },
    ],
    [
      'sends before it has received',
      'import nvflare.client as flare\nflare.init()\nflare.send(flare.FLModel(metrics={}))\n',
      { code: 'NF_SCRIPT_FAILED', message: /"receive" needs to be called/, line: 3 },
    ],
  ])('gives a failure of a script that %s', async (_, text, { code, message = /./, line }: Failure) => {
    await open({ launch_once: false });
    const outcome = await run(text);
    expect(outcome).toMatchObject({
      type: 'failure',
      error: { code, message: expect.stringMatching(message) },
    });
    if (outcome.type !== 'failure' || line === undefined) return;
    expect(outcome.error.place).toMatchObject({ file: 'train.py', line });
    expect(outcome.error.place?.excerpt).toContain(text.split('\n')[line - 1]);
  });

  it('keeps the process of a site for its next task, and gives other sites their own', async () => {
    const text = pythonScript("count += 1\nparams['weights'] = [count, 0]", 'count = 0');
    for (const round of [1, 2, 3]) {
      expect(await run(text, { round })).toMatchObject(result);
      expect(await weights()).toEqual([round, 0]);
    }
    await run(text, { site: 'site-2' });
    expect(await weights()).toEqual([1, 0]);
  });

  it('starts a process for each task where the job says so', async () => {
    await open({ launch_once: false });
    const text = pythonScript(
      "count += 1\nparams['weights'] = [count, random.random()]",
      'import random\ncount = 0',
    );
    const seen: (number | undefined)[][] = [];
    for (const round of [1, 1]) {
      expect(await run(text, { round })).toMatchObject(result);
      seen.push(await weights());
    }
    expect(seen[0]?.[0]).toBe(1);
    // The same task, the same numbers: random is seeded by the task.
    expect(seen[1]).toEqual(seen[0]);
  });

  it('starts a script anew that returns after one task, and says what that costs', async () => {
    const text = pythonScript('pass').replace('while flare.is_running():', 'for _ in range(1):');
    expect(await run(text)).toMatchObject(result);
    expect(await run(text, { round: 2 })).toMatchObject(result);
    expect(printed()).toContain('site-1 begins anew in round 2');
  });

  it('says that a process was ended from outside, and runs the next task', async () => {
    const text = pythonScript(
      "print('runs', os.getpid())\nif model.current_round == 0: time.sleep(1000)",
      'import os, time',
    );
    const outcome = run(text);
    await expect.poll(printed).toMatch(/runs \d+/);
    process.kill(Number(/runs (\d+)/.exec(printed())?.[1]), 'SIGKILL');
    expect(await outcome).toEqual({ type: 'killed', signal: 'SIGKILL' });
    expect(await run(text, { round: 2 })).toMatchObject(result);
  });

  it('stops a task with the reason it is given and ends all that its script started', async () => {
    const child =
      "import os\nimport subprocess, time\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)";
    const stop = new AbortController();
    const outcome = run(pythonScript("print('runs', child.pid)\ntime.sleep(1000)", child), {
      signal: stop.signal,
    });
    await expect.poll(printed).toMatch(/runs \d+/);
    const pid = Number(/runs (\d+)/.exec(printed())?.[1]);
    stop.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
    if (process.platform === 'linux') await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('ends a script at its limit', async () => {
    expect(await run(pythonScript('while True: pass'), { limit: 0.5 })).toMatchObject({
      error: { code: 'NF_SCRIPT_TIMEOUT' },
    });
  });

  it('gives a script time for its last lines when it is closed, and takes nothing more', async () => {
    const text = `${pythonScript('pass')}open('last', 'w').write('lines')\n`;
    expect(await run(text)).toMatchObject(result);
    await executor?.close();
    expect(await readFile(join(folder.home, 'last'), 'utf8')).toBe('lines');
    await expect(run(text)).rejects.toMatchObject({ code: 'NF_INTERRUPTED' });
  });

  it('ends the process when nobody hears it any more', async () => {
    await open();
    const script = join(folder.home, 'long.py');
    await writeFile(script, 'import time\nprint("runs", flush=True)\ntime.sleep(1000)\n');
    const place = join(folder.home, 's');
    const heard = new Set<Socket>();
    const server = createServer((socket) => {
      heard.add(socket);
      socket.on('error', () => undefined).once('data', () => socket.write('{"type":"welcome"}\n'));
    }).listen(place);
    const child = spawn(interpreter, [join(PYTHON_FOLDER, 'neuroflare_script.py'), script], {
      env: { NEUROFLARE_CLIENT: place },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    for (const socket of heard) socket.destroy();
    expect(await ended).toEqual([null, 'SIGKILL']);
    server.close();
  });

  it('begins a script once that ends before it is given its task', async () => {
    let begun = 0;
    await open({
      started: async () => {
        begun++;
        await expect.poll(() => existsSync(join(folder.home, 'done'))).toBe(true);
        await sleep(300);
      },
    });
    expect(await run("open('done', 'w')\n")).toMatchObject({ error: { code: 'NF_SCRIPT_NO_RESULT' } });
    expect(begun).toBe(1);
  });

  it('refuses an interpreter that is not there', async () => {
    await open({ interpreter: '/no/such/python' });
    expect(await run(pythonScript('pass'))).toMatchObject({
      error: { code: 'NF_PYTHON_MISSING', message: expect.stringContaining('/no/such/python') },
    });
  });
});

interface Failure {
  readonly code: string;
  readonly message?: RegExp;
  readonly line?: number;
}

/** A process that nobody has collected is dead, too. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
