import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SiteJobFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import { pythonOf } from '../../src/runtime/job/python.ts';
import type { TaskOrder } from '../../src/runtime/site/executor/messages.ts';
import type { PythonHost } from '../../src/runtime/site/python/hosts.ts';
import { PythonExecutor } from '../../src/runtime/site/python/python-executor.ts';
import { orderFor } from './script-process.ts';

/** A script that does something between `receive` and `send`, in a loop; `params['weights']` is a list, as there need be no numpy. */
export function pythonScript(body: string, before = ''): string {
  return `import nvflare.client as flare
${before}
flare.init()
while flare.is_running():
    model = flare.receive()
    params = {'weights': [float(value) for value in model.params['weights']]}
    metrics = {'done': 1}
${body.replaceAll(/^/gm, '    ')}
    flare.send(flare.FLModel(params=params, metrics=metrics, meta={'NUM_STEPS_CURRENT_ROUND': 3}))
`;
}

interface Wish {
  readonly interpreter: string;
  readonly launch_once?: boolean;
  readonly params_transfer_type?: 'FULL' | 'DIFF';
  readonly script_args?: string;
  /** What is done once a process was started; default: nothing. */
  readonly started?: () => Promise<void>;
}

/** An executor for one job, whose processes run in its folder. */
export function pythonExecutor(
  folder: SiteJobFolder,
  { interpreter, started = async () => undefined, ...keys }: Wish,
): PythonExecutor {
  const host: PythonHost = async () => ({
    interpreter,
    words: [],
    spawnAs: undefined,
    owner: undefined,
    throughShell: false,
    home: folder.home,
    env: { PATH: process.env.PATH },
    started,
    ended: async () => undefined,
  });
  const python = pythonOf({ type: 'python', framework: 'raw', ...keys });
  const executor = { type: 'python', trainScript: 'train.py', args: {}, taskTimeout: 60, python } as const;
  return new PythonExecutor({ job: { name: 'tiny', executor, siteScriptArgs: {} }, host, size: 2 });
}

/** Puts a script into the job's folder and makes the order to run it. */
export async function pythonOrder(
  folder: SiteJobFolder,
  text: string,
  {
    round = 1,
    site = 'site-1',
    form,
  }: { round?: number; site?: string; form?: TaskOrder['task']['context']['form'] } = {},
): Promise<TaskOrder> {
  const order = await orderFor(folder, '', { round });
  await mkdir(folder.bundle, { recursive: true });
  await writeFile(join(folder.bundle, 'train.py'), text);
  const context = { ...order.task.context, site, ...(form && { form }) };
  return { ...order, task: { ...order.task, context, script: 'train.py' } };
}
