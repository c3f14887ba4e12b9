import { join } from 'node:path';
import { WorkerChannel } from '../../src/runtime/deployment/simulator/worker-channel.ts';
import { keepInitialModel } from '../../src/runtime/federation/initial-model.ts';
import { readBundle, writeBundle } from '../../src/runtime/job/bundle.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import { planRun } from '../../src/runtime/job/plan.ts';
import { folderFiles } from '../../src/runtime/run/run-files.ts';
import { runFolder } from '../../src/runtime/run/run-folder.ts';
import { ThreadExecutor } from '../../src/runtime/site/executor/thread-executor.ts';
import { writeJob } from './job-folder.ts';
import { float32 } from './param-sets.ts';

/** Five sites, `site-1` to `site-5`, whose tasks run in two threads, in a run's folder below `root` with model 0 in it. */
export async function workerSites(
  root: string,
  { script, patch = {} }: { script: string; patch?: Record<string, unknown> },
) {
  const jobFolder = await writeJob(join(root, 'job'), { script, patch });
  const folder = runFolder(join(root, 'run'));
  await writeBundle(await readBundle(jobFolder), folder.at('bundle'));
  const model = await keepInitialModel(folderFiles(folder), { weights: float32([1, 2, 3, 4]) });
  const plan = planRun((await loadJob(jobFolder)).definition, { clients: 5 });
  const logs: string[] = [];
  const onLog = (site: string, text: string) => void logs.push(`${site}: ${text}`);
  const start = () => {
    const executor = new ThreadExecutor(2, { engine: { choice: 'cpu', gpu: undefined, requireGpu: false } });
    return { executor, channel: new WorkerChannel({ executor, plan, folder, jobFolder, onLog }) };
  };
  let now = start();
  const close = () => now.executor.close();
  const restart = async () => {
    await close();
    now = start();
    return now.channel;
  };
  return { channel: now.channel, folder, model, logs, restart, close };
}
