import { availableParallelism } from 'node:os';
import { NeuroflareError } from '../../base/errors/errors.ts';
import type { Progress } from '../../base/logging/progress.ts';
import { type SimulateOptions, simulate } from '../../deployment/simulator/simulate.ts';
import { loadJob } from '../../job/load.ts';
import type { RunSummary } from '../../run/run-report.ts';
import { describeRun } from '../../run/stored-runs.ts';
import { parseBaselines } from './parse-baselines.ts';
import type { SimulationResult } from './result.ts';

export interface WithBaselinesOptions extends SimulateOptions {
  /** `local,centralized`, as typed. */
  readonly baselines: string | undefined;
  /** Called once the federated run is over and its view can go. */
  readonly stop: () => void;
  readonly progress: () => Progress;
}

/** A simulation, and then the baselines it is to be held against. @throws as `simulate` and `runBaselines` do */
export async function simulateWithBaselines(options: WithBaselinesOptions): Promise<SimulationResult> {
  const baselines = parseBaselines(options.baselines);
  if (baselines.length > 0) {
    // Before hours of training, not after.
    const { requireSplit } = await import('./baselines.ts');
    const { definition } = await loadJob(options.job, options.overrides);
    await requireSplit(definition.data?.split ?? null);
  }
  const summary = await simulateOrTake(options, baselines.length > 0).finally(options.stop);
  if (baselines.length === 0) return { ...summary, baselines: null };
  // Judging loads image libraries, which a plain simulation does without.
  const { runBaselines } = await import('./baselines.ts');
  const { usualJudging } = await import('../judge-run.ts');
  const judging = usualJudging(options.engine, options.threads ?? availableParallelism());
  const { run_folder: folder } = summary;
  const what = { baselines, folder, simulate: options, judging, progress: options.progress() };
  return { ...summary, baselines: await runBaselines(what) };
}

/** With baselines, resuming a run that is finished goes on with them. */
async function simulateOrTake(options: WithBaselinesOptions, withBaselines: boolean): Promise<RunSummary> {
  try {
    return await simulate(options);
  } catch (error) {
    const isFinished = error instanceof NeuroflareError && error.code === 'NF_RUN_FINISHED';
    if (!isFinished || !withBaselines) throw error;
    const { definition } = await loadJob(options.job, options.overrides);
    const id = options.resume === 'latest' ? undefined : options.resume;
    return describeRun(options.workspace, definition.name, id);
  }
}
