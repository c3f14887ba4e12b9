import { availableParallelism } from 'node:os';
import { type SimulateOptions, simulate } from '../simulator/simulate.ts';
import type { Progress } from '../telemetry/progress.ts';
import { runBaselines } from './baselines.ts';
import { parseBaselines } from './parse-baselines.ts';
import type { Study } from './result.ts';

export interface StudyOptions extends SimulateOptions {
  /** `local,centralized`, as typed. */
  readonly baselines: string | undefined;
  /** Called once the federated run is over and its view can go. */
  readonly stop: () => void;
  readonly progress: () => Progress;
}

const REPLICATES = 2000;
const SLICES = 9;

/** A simulation, and then the baselines it is to be held against. @throws as `simulate` and `runBaselines` do */
export async function simulateStudy(options: StudyOptions): Promise<Study> {
  const baselines = parseBaselines(options.baselines);
  const summary = await simulate(options).finally(options.stop);
  if (baselines.length === 0) return { ...summary, baselines: null };
  const { choice, gpu } = options.engine;
  const jobs = options.threads ?? availableParallelism();
  const evaluate = {
    engine: { choice, gpu, threads: jobs },
    jobs,
    seed: 0,
    replicates: REPLICATES,
    slices: SLICES,
    mirror: true,
  };
  const { run_folder: folder } = summary;
  const what = { baselines, folder, simulate: options, evaluate, progress: options.progress() };
  return { ...summary, baselines: await runBaselines(what) };
}
