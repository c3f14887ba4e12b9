import { workflowOf } from '../algorithms/registry.ts';
import type { Federation } from '../algorithms/workflow.ts';
import { type NeuroflareError, toNeuroflareError } from '../base/errors/errors.ts';
import type { WorkflowDefinition } from '../job/definition.ts';
import { bestOf, type RunHistory, record } from '../run/history.ts';
import type { Coordinator } from './coordinator.ts';

export interface WorkflowRun<Result> {
  /** What the workflow talks to; default: the coordinator itself. */
  readonly federation?: Federation | undefined;
  /** Type, rounds and options. */
  readonly workflow: WorkflowDefinition;
  /** Puts the results where they belong; they are there before the run is called finished. */
  readonly keep: (history: RunHistory) => Promise<Result>;
  /** Failures after which the run goes on later, from its log; they are no end. Default: none */
  readonly isPassing?: (error: NeuroflareError) => boolean;
  /** Of a run that failed: puts what it has come to where it belongs; must not throw, for the failure is what is told. */
  readonly salvage?: (history: RunHistory) => Promise<void>;
}

/** Runs a workflow to its end and closes the log with what became of the run. */
export async function runWorkflow<Result>(
  coordinator: Coordinator,
  { workflow, federation = coordinator, keep, salvage, isPassing = () => false }: WorkflowRun<Result>,
): Promise<Result> {
  try {
    const { model } = await workflowOf(workflow.type).run(federation, workflow);
    await coordinator.settle();
    const best = bestOf(coordinator.history);
    const finished = { type: 'run.finished', model, ...(best && { best }) } as const;
    const result = await keep(record(coordinator.history, finished));
    await coordinator.note(finished);
    return result;
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    if (isPassing(error)) throw error;
    if (error.code === 'NF_INTERRUPTED') {
      await coordinator.note({ type: 'run.interrupted', signal: error.message });
      throw error;
    }
    await coordinator.note({ type: 'run.failed', error: error.report() });
    await salvage?.(coordinator.history);
    throw error;
  }
}
