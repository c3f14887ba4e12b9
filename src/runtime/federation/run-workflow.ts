import { WORKFLOWS } from '../algorithms/registry.ts';
import { type NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import type { Coordinator } from './coordinator.ts';
import { type RunHistory, record } from './history.ts';

export interface WorkflowRun<Result> {
  readonly type: keyof typeof WORKFLOWS;
  readonly numRounds: number;
  /** Puts the results where they belong; they are there before the run is called finished. */
  readonly keep: (history: RunHistory) => Promise<Result>;
  /** Failures after which the run goes on later, from its log; they are no end. Default: none */
  readonly isPassing?: (error: NeuroflareError) => boolean;
}

/** Runs a workflow to its end and closes the log with what became of the run. */
export async function runWorkflow<Result>(
  coordinator: Coordinator,
  { type, numRounds, keep, isPassing = () => false }: WorkflowRun<Result>,
): Promise<Result> {
  try {
    const model = await WORKFLOWS[type](coordinator, { numRounds });
    const { best } = coordinator.history;
    const finished = { type: 'run.finished', model, ...(best && { best }) } as const;
    const result = await keep(record(coordinator.history, finished));
    await coordinator.note(finished);
    return result;
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    if (isPassing(error)) throw error;
    await coordinator.note(
      error.code === 'NF_INTERRUPTED'
        ? { type: 'run.interrupted', signal: error.message }
        : { type: 'run.failed', error: error.report() },
    );
    throw error;
  }
}
