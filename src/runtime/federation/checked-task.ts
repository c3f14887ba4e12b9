import { COMMON_TASKS, type TaskKey } from '../algorithms/task.ts';
import type { Answer, RoundRules, TaskSpec } from '../algorithms/workflow.ts';
import type { NeuroflareError } from '../base/errors/errors.ts';

/** A task whose answers are looked at together, once all are there: those at fault count as failures of their sites. */
export interface CheckedTask extends TaskSpec {
  readonly faults?: (answers: readonly Answer[]) => Promise<readonly AnswerFault[]>;
}

/** Why an answer is of no use beside the others. */
export interface AnswerFault {
  readonly site: string;
  readonly error: NeuroflareError;
}

/** A round whose answers are there, and the rules that they must meet. */
export interface Closing {
  readonly key: TaskKey;
  readonly rules: Pick<RoundRules, 'minClients' | 'mandatory' | 'mayFail'>;
}

/** Failures of a reduction without which it can go on where the round's rule allows: one site is at fault. */
export const UNUSABLE: ReadonlySet<string> = new Set([
  'NF_AGGREGATE_NOT_FINITE',
  'NF_AGGREGATE_WEIGHT',
  'NF_SECAGG_RANGE',
  'NF_SECAGG_ARRAYS',
]);

/** Whether an exchange is about the global model, whose figures choose the best one. */
export function isScored({ name, about }: TaskKey): boolean {
  return about === undefined && Object.hasOwn(COMMON_TASKS, name);
}
