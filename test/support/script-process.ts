import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMON_TASKS } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import {
  clientFolder,
  type SiteJobFolder,
} from '../../src/runtime/deployment/client/memory/client-folder.ts';
import type { TaskWatch } from '../../src/runtime/site/executor/executor.ts';
import type { TaskOrder } from '../../src/runtime/site/executor/messages.ts';
import { LIMITS } from './limits.ts';
import { float32 } from './param-sets.ts';

export const MODEL = sha256('model');

/** A job's folder in the work folder `work` of a client, with a model of two numbers. */
export async function makeJobFolder(work: string): Promise<SiteJobFolder> {
  const folder = clientFolder(work).job('job');
  for (const own of [folder.work, folder.home]) await mkdir(own, { recursive: true });
  await mkdir(join(folder.root, 'models'));
  await writeFile(folder.model(MODEL), encodeSafetensors({ weights: float32([1, 2]) }));
  return folder;
}

/** A script that does something between `receive` and `send`. */
export function scriptWith(body: string): string {
  return `import * as flare from 'neuroflare/client';
await flare.init();
const { params } = await flare.receive();
${body}
await flare.send({ params, metrics: { done: 1 } });
`;
}

/** Code of a script that says something to its client behind the back of the client API. */
export function saying(message: string): string {
  return `process.getBuiltinModule('fs').writeSync(3, JSON.stringify(${message}) + '\\n');`;
}

/** Watches a task that nobody stops. */
export function watching({
  limit = LIMITS.job,
  emit = () => undefined,
  ...over
}: Partial<TaskWatch> = {}): TaskWatch {
  return { limit, emit, signal: new AbortController().signal, ...over };
}

/** Puts a script into a job's folder and makes the order to run it. */
export async function orderFor(
  folder: SiteJobFolder,
  text: string,
  { round = 1, data }: { round?: number; data?: string | undefined } = {},
): Promise<TaskOrder> {
  await mkdir(join(folder.bundle, 'client'), { recursive: true });
  await writeFile(join(folder.bundle, 'client/train.ts'), text);
  return {
    task: {
      context: {
        task: 'train',
        form: COMMON_TASKS.train,
        site: 'site-1',
        seed: 7,
        totalRounds: 3,
        currentRound: round,
        jobName: 'tiny',
        args: {},
        data: data === undefined ? undefined : { root: data, site: 'site-1' },
        model: undefined,
      },
      code: { bundle: folder.bundle, source: folder.bundle },
      script: 'client/train.ts',
      inputs: { model: folder.model(MODEL) },
      statePath: undefined,
    },
    output: {
      files: { model: join(folder.work, 'update.safetensors') },
      state: join(folder.work, 'state.bin'),
    },
  };
}
