import { availableParallelism } from 'node:os';
import {
  NeuroflareError,
  ReportedFailure,
  reviveError,
  toNeuroflareError,
} from '../../base/errors/errors.ts';
import { removeTemporaries } from '../../base/files/files.ts';
import { createCoordinator } from '../../federation/coordinator.ts';
import { rulesOf } from '../../federation/coordinator-rules.ts';
import { runWorkflow } from '../../federation/run-workflow.ts';
import { settleGpu } from '../../learning/engine/settle-gpu.ts';
import type { RunObserver } from '../../run/events.ts';
import type { RunHistory } from '../../run/history.ts';
import { RUN_FILES, siteHomePath } from '../../run/run-folder.ts';
import { type RunSummary, summarizeRun, writeResults } from '../../run/run-report.ts';
import { readEvents } from '../../run/stored-runs.ts';
import { ThreadExecutor } from '../../site/executor/thread-executor.ts';
import type { ActiveRun } from './active-run.ts';
import { type RunRequest, resumeRun, startRun } from './open-run.ts';
import { WorkerChannel } from './worker-channel.ts';

export interface SimulateOptions extends RunRequest {
  /** Sites that run at the same time; default: as many as there are cores, at most one a site. */
  readonly threads?: number | undefined;
  /** Go on with a run: `latest`, or its id. */
  readonly resume?: string | undefined;
  readonly onOpen?: (
    run: Pick<ActiveRun, 'card' | 'plan' | 'folder' | 'history' | 'goesOnFrom'> & {
      warnings: readonly string[];
    },
  ) => void;
  readonly observe: RunObserver;
  /** What a run that failed has left. */
  readonly onLeft?: (summary: RunSummary) => void;
  readonly onLog: (site: string, text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs a federated job on this machine: every site's script in a thread of a bounded pool, the coordinator and round
 * rules the ones of a real federation.
 */
export async function simulate(options: SimulateOptions): Promise<RunSummary> {
  // An engine or a GPU that was asked for and is not there is said, or refused, before work starts.
  const { order: engine, warnings } = await settleGpu(options.engine);
  const run =
    options.resume === undefined ? await startRun(options) : await resumeRun(options, options.resume);
  const { plan, folder } = run;
  const threads = Math.min(options.threads ?? availableParallelism(), plan.sites.length);
  const executor = new ThreadExecutor(threads, { engine, scripts: run.scripts });
  try {
    options.onOpen?.({ ...run, warnings: [...run.card.warnings, ...warnings] });
    const channel = new WorkerChannel({
      ...run,
      executor,
      jobFolder: run.card.job_folder,
      onLog: options.onLog,
    });
    const coordinator = createCoordinator({ ...options, ...run, channel, rules: rulesOf(plan) });
    const keep = async (history: RunHistory) => {
      const record = () => ({ ...run, history, events: readEvents(folder) });
      const summary = await summarizeRun(record(), warnings);
      await writeResults(record(), summary);
      return summary;
    };
    return await runWorkflow(coordinator, {
      workflow: plan.job.workflow,
      keep,
      salvage: async (history) => {
        const left = await keep(history).catch(toNeuroflareError);
        if (left instanceof NeuroflareError)
          options.onLog('run', `its models could not be written: ${left.message}\n`);
        else options.onLeft?.(left);
      },
    });
  } catch (thrown) {
    // Sites are threads of this process: who asked for the run is told their failures by their own codes.
    throw thrown instanceof ReportedFailure ? reviveError(thrown.report()) : thrown;
  } finally {
    await executor.close();
    await removeTemporaries(folder.root, [RUN_FILES.bundle, ...plan.sites.map(siteHomePath)]);
    await run.journal.close();
    await run.release();
  }
}
