import type { EngineChoice } from '../engine/registry.ts';
import type { ErrorReport } from '../kernel/errors.ts';
import type { NativeGate } from '../kernel/native-gate.ts';
import type { AcceptedResult, EngineUse } from '../telemetry/run-events.ts';
import type { ScriptTask } from '../train/script/script-runner.ts';

/** What the pool hands a worker thread when it starts. */
export interface WorkerSetup {
  readonly engine: EngineSetup;
  /** Closed before the thread is ended. */
  readonly gate: NativeGate;
}

/** Which engine the scripts of a thread get from `compile`. */
export interface EngineSetup {
  readonly choice: EngineChoice;
  /** Devices as the user named them, e.g. `0`. */
  readonly gpu: string | undefined;
  readonly requireGpu: boolean;
}

/** Pool to worker: run this task and leave its files where `output` says. */
export interface WorkerOrder {
  readonly task: ScriptTask;
  readonly output: {
    /** The run's folder; the paths below are relative to it and end up in the event log. */
    readonly root: string;
    readonly update: string;
    readonly state: string;
  };
}

/** Worker to pool. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'engine'; readonly engine: EngineUse }
  | { readonly type: 'result'; readonly result: Omit<AcceptedResult, 'seconds'> }
  | { readonly type: 'failure'; readonly error: ErrorReport };
