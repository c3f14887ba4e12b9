import type { EngineSetup } from '../site/executor/messages.ts';
import { evaluateModel } from './evaluate.ts';
import type { EvaluateOptions } from './evaluation-work.ts';
import type { Evaluation } from './result.ts';

/** How all runs are judged that are to be compared with one another. */
export type Judging = Pick<
  EvaluateOptions,
  'engine' | 'jobs' | 'seed' | 'replicates' | 'slices' | 'mirror' | 'knownControls'
>;

/** @param jobs threads */
export function usualJudging({ choice, gpu }: EngineSetup, jobs: number): Judging {
  const engine = { choice, gpu, threads: jobs };
  return { engine, jobs, seed: 0, replicates: 2000, slices: 9, mirror: true };
}

export interface JudgedRun extends Pick<EvaluateOptions, 'controls' | 'cases' | 'masked'> {
  /** Of the run. */
  readonly folder: string;
  /** Default: that of the run. */
  readonly split?: string;
  readonly judging: Judging;
  readonly signal: AbortSignal;
}

/** Judges the best model of a run on the test part of its data. @throws as `evaluateModel` */
export async function judgeRun({ folder, split, judging, ...how }: JudgedRun): Promise<Evaluation> {
  const { evaluation } = await evaluateModel({
    ...judging,
    ...how,
    target: folder,
    workspace: '',
    which: 'best',
    job: undefined,
    part: 'test',
    out: undefined,
    data: undefined,
    split,
  });
  return evaluation;
}
