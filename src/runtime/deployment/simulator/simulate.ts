import { availableParallelism } from 'node:os';
import {
  NeuroflareError,
  ReportedFailure,
  reviveError,
  toNeuroflareError,
} from '../../base/errors/errors.ts';
import { removeTemporaries } from '../../base/files/files.ts';
import type { StrippedTexts } from '../../base/files/strip-types.ts';
import { createCoordinator } from '../../federation/coordinator.ts';
import { rulesOf } from '../../federation/coordinator-rules.ts';
import { runWorkflow } from '../../federation/run-workflow.ts';
import type { RunPlan } from '../../job/plan.ts';
import { settleGpu } from '../../learning/engine/settle-gpu.ts';
import type { RunObserver } from '../../run/events.ts';
import type { RunHistory } from '../../run/history.ts';
import { LiveTaskFile } from '../../run/live-tasks.ts';
import { RUN_FILES, siteHomePath } from '../../run/run-folder.ts';
import { type RunSummary, summarizeRun, writeResults } from '../../run/run-report.ts';
import { readEvents } from '../../run/stored-runs.ts';
import type { Executor } from '../../site/executor/executor.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import { simulatedExecutor } from '../../site/simulated-executor.ts';
import type { ActiveRun } from './active-run.ts';
import { checkRun, type RunRequest, resumeRun, startRun } from './open-run.ts';
import { WorkerChannel } from './worker-channel.ts';

export interface Backend {
  /** @throws where the job, or a run of it, cannot be taken there; asked before there is anything of a new run */
  require(plan: RunPlan): void;
  open(run: Pick<ActiveRun, 'card' | 'plan' | 'folder' | 'history'>, engine: EngineSetup): Promise<Executor>;
}

export interface SimulateOptions extends RunRequest {
  /** Sites that run at the same time; default: as many as there are cores, at most one a site. */
  readonly threads?: number | undefined;
  /** Where the scripts of the sites run instead: at workers on other machines. */
  readonly backend?: Backend | undefined;
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

/** A new run or an earlier one, and what runs the scripts of its sites. */
async function openRun(
  options: SimulateOptions,
  engine: EngineSetup,
): Promise<{ run: ActiveRun; executor: Executor }> {
  const { backend } = options;
  const executorFor = ({ job, sites }: RunPlan, scripts?: StrippedTexts): Executor => {
    const size = Math.min(options.threads ?? availableParallelism(), sites.length);
    return simulatedExecutor(job, { size, engine, scripts });
  };
  if (options.resume !== undefined) {
    const run = await resumeRun(options, options.resume);
    return { run, executor: backend ? await openAt(backend, run, engine) : executorFor(run.plan) };
  }
  const prepared = await checkRun(options);
  if (backend) {
    backend.require(prepared.plan);
    const run = await startRun(options, prepared);
    return { run, executor: await openAt(backend, run, engine) };
  }
  const executor = executorFor(prepared.plan, prepared.scripts);
  try {
    return { run: await startRun(options, prepared), executor };
  } catch (error) {
    await executor.close();
    throw error;
  }
}

async function openAt(backend: Backend, run: ActiveRun, engine: EngineSetup): Promise<Executor> {
  try {
    backend.require(run.plan);
    return await backend.open(run, engine);
  } catch (error) {
    await run.journal.close();
    await run.release();
    throw error;
  }
}

/**
 * Runs a federated job on this machine: every site's script in a thread of a bounded pool, the coordinator and round
 * rules the ones of a real federation.
 */
export async function simulate(options: SimulateOptions): Promise<RunSummary> {
  // An engine or a GPU that was asked for and is not there is said, or refused, before work starts.
  const { order: engine, warnings } = options.backend
    ? { order: options.engine, warnings: [] }
    : await settleGpu(options.engine);
  const { run, executor } = await openRun(options, engine);
  const { plan, folder } = run;
  const live = new LiveTaskFile(folder);
  const observe: RunObserver = (event) => {
    live.observe(event);
    options.observe(event);
  };
  try {
    options.onOpen?.({ ...run, warnings: [...run.card.warnings, ...warnings] });
    const channel = new WorkerChannel({
      ...run,
      executor,
      jobFolder: run.card.job_folder,
      onLog: options.onLog,
    });
    const coordinator = createCoordinator({ ...options, observe, ...run, channel, rules: rulesOf(plan) });
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
    await live.close();
    await removeTemporaries(folder.root, [RUN_FILES.bundle, ...plan.sites.map(siteHomePath)]);
    await run.journal.close();
    await run.release();
  }
}
