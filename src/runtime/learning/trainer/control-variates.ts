import type { ParamSet } from '../../base/tensors/nd-array.ts';

/** SCAFFOLD's correction of the task at hand, and what its training came to. */

interface Steps {
  /** Sum of the learning rates of all steps. */
  readonly rates: number;
  /** Mean gradient at the received model, where option 1 asks for it. */
  readonly gradient: ParamSet | undefined;
}

interface Task {
  readonly option: 1 | 2;
  readonly correction: ParamSet;
  steps: Steps | undefined;
}

let task: Task | undefined;

/** For the runner, when a task begins; undefined: its workflow asks for none. */
export function askForCorrection(
  wish: { readonly option: 1 | 2; readonly correction: ParamSet } | undefined,
): void {
  task = wish && { ...wish, steps: undefined };
}

/** c - c_i for every array of the model. */
export function wantedCorrection(): ParamSet | undefined {
  return task?.correction;
}

/** Whether the gradient at the received model is asked for. */
export function wantsGradient(): boolean {
  return task?.option === 1;
}

/** Rates add up: a script may train more than once in a task. */
export function noteSteps({ rates, gradient }: Steps): void {
  if (!task) return;
  const before = task.steps;
  task.steps = { rates: (before?.rates ?? 0) + rates, gradient: gradient ?? before?.gradient };
}

/** What was noted in the task at hand. */
export function stepsTaken(): Steps | undefined {
  return task?.steps;
}
