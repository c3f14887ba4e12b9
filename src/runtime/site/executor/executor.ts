import type { ErrorReport } from '../../base/errors/errors.ts';
import type { ScriptAnswer, TaskOrder } from './messages.ts';

/** What is heard of a task before it has come to an end. */
export type TaskEvent =
  /** It waits no longer. */
  | { readonly type: 'started' }
  /** A piece of what its script prints; lines need not be whole. */
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  /** What the script left behind, where its next task would find it. */
  | { readonly type: 'left'; readonly traces: readonly string[] };

export interface TaskWatch {
  /** Seconds the script has, from its first line on. */
  readonly limit: number;
  /** Stops the task. */
  readonly signal: AbortSignal;
  readonly emit: (event: TaskEvent) => void;
}

export type TaskOutcome =
  /** The files of the answer lie, durable, where the order said. */
  | { readonly type: 'result'; readonly answer: ScriptAnswer }
  | { readonly type: 'failure'; readonly error: ErrorReport }
  /** What ran the script was ended from outside: the task may be begun again. */
  | { readonly type: 'killed'; readonly signal: string };

/**
 * Runs scripts: in threads, in a process. `test/conformance/executor.ts` says what each of them promises: nothing but what a script
 * keeps passes from one task to the next, and a task that failed, was stopped or was killed spoils no later one.
 */
export interface Executor {
  /**
   * Runs a task to its end. Rejects only when it is stopped: with the reason of the signal, or because the executor was closed; the task is
   * over then, and nothing more is heard of it.
   */
  run(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome>;
  /** Ends what runs and all that it has started. */
  close(): Promise<void>;
}
