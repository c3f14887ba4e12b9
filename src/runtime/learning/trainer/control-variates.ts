import type { ParamSet } from '../../base/tensors/nd-array.ts';

/** The correction of each step in the task at hand (SCAFFOLD, FedDyn, Ditto), and what its training came to. */

interface Steps {
  /** Sum of the learning rates of all steps. */
  readonly rates: number;
  /** Mean gradient at the received model, where option 1 asks for it. */
  readonly gradient: ParamSet | undefined;
}

/** What a workflow asks for. */
interface Wish {
  /** Of SCAFFOLD, how the site renews what it knows of its own gradient. */
  readonly option?: 1 | 2;
  readonly correction: ParamSet;
}

interface Task extends Wish {
  steps: Steps | undefined;
  wasRead: boolean;
}

let task: Task | undefined;

/** For the runner, when a task begins; undefined: its workflow asks for none. */
export function askForCorrection(wish: Wish | undefined): void {
  task = wish && { ...wish, steps: undefined, wasRead: false };
}

/** What is added to the gradient of each step, for every array of the model; from then on it counts as used. */
export function wantedCorrection(): ParamSet | undefined {
  if (task) task.wasRead = true;
  return task?.correction;
}

/** Whether a correction was asked for that nobody has looked at. */
export function isCorrectionUnused(): boolean {
  return task?.wasRead === false;
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
