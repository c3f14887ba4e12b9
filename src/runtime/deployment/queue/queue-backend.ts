import { basename, dirname, resolve } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import type { RunPlan } from '../../job/plan.ts';
import type { RunCard } from '../../run/run-card.ts';
import { type RunFolder, runFolder } from '../../run/run-folder.ts';
import type { Executor } from '../../site/executor/executor.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import { parseQueueAddress } from './queue-address.ts';
import { QueueExecutor } from './queue-executor.ts';
import { openLink } from './queue-link.ts';
import { RunDesk } from './run-desk.ts';
import { ensureRunKey } from './run-key.ts';

export interface QueueBackendOptions {
  /** As typed. */
  readonly queue: string | undefined;
  readonly mixedHardware: boolean;
  /** Seconds for which tasks wait for a worker. */
  readonly waitWorkers: number;
  readonly tell: (line: string) => void;
}

/** Runs the sites of simulations at workers. @throws NF_QUEUE_URL, and as `openLink` does */
export async function queueBackend({ queue, mixedHardware, waitWorkers, tell }: QueueBackendOptions) {
  const address = parseQueueAddress(queue);
  // Before there is anything of a run.
  (await openLink(address, () => undefined)).close();
  return {
    require: ({ job }: RunPlan): void => {
      if (job.executor.python?.launchOnce) throw flError('NF_QUEUE_JOB');
    },
    open: async (
      run: { readonly card: RunCard; readonly folder: RunFolder },
      engine: EngineSetup,
    ): Promise<Executor> => {
      const link = await openLink(address, tell);
      // Workers stand in another folder.
      const folder = runFolder(resolve(run.folder.root));
      const key = await ensureRunKey(folder);
      const name = `${basename(dirname(folder.root))}/${run.card.run_id}`;
      const desk = await RunDesk.open({ link, key, folder, name, engine, mixedHardware, tell });
      tell(
        `Tasks wait for workers at ${address.shown}: neuroflare worker start --queue ${shellWord(address.shown)}`,
      );
      return new QueueExecutor({ link, key, folder, desk, waitWorkers, tell });
    },
  };
}
