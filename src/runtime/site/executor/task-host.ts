import type { StrippedTexts } from '../../base/files/strip-types.ts';
import type { TaskOutcome } from './executor.ts';
import type { EngineSetup, TaskMessage, TaskOrder } from './messages.ts';

/** What runs scripts, one task after another: a thread, or a process. */
export interface TaskHost {
  post(order: TaskOrder): void;
  /** Ends it with everything it has started; nothing is heard of it afterwards. */
  end(): Promise<void>;
}

export interface TaskHostEvents {
  message(message: TaskMessage): void;
  /** It has ended by itself. */
  ended(outcome: TaskOutcome): void;
}

export interface HostSetup {
  readonly engine: EngineSetup;
  /** Those of the job that were parsed already. */
  readonly scripts?: StrippedTexts | undefined;
}

export type StartHost = (setup: HostSetup, events: TaskHostEvents) => TaskHost;
