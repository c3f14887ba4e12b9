import type { AnswerFile } from './answer.ts';
import type { TaskPlaces } from './task-order.ts';

/** What a site keeps for its next task. */
export interface KeptFile {
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
}

/** How a site keeps the files of one task. */
export interface TaskFiles {
  /** Path of the model that the task begins with. */
  readonly model: string;
  /** Path of what the site kept in a task before, if it did; `prepare` has looked at it. */
  readonly kept: string | undefined;
  /** Where the site may make what it keeps from now on: a path out of its scripts' reach. */
  readonly toKeep: string;
  /** Where the site's own model is to be found, where the job has tensors that stay at each site. */
  readonly personal: string;
  /** Looks at what the task begins with and makes its folders; called at each beginning. */
  prepare(): Promise<TaskPlaces>;
  /** Makes a file that the script left the site's own, by its name. @param said its SHA-256, by the word of the script's process */
  takeFile(name: string, said: string): Promise<AnswerFile>;
  /** Makes what the script keeps the site's own. @param said as above @param signal stops the task */
  takeState(said: string, signal: AbortSignal): Promise<KeptFile>;
  /** Has the site begin its next task with this; a file that was taken or made for it. Returns the digest by which it is asked for. */
  keep(file: KeptFile): Promise<string>;
}
