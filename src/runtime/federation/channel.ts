import { partsOfTask, type TaskForm, type TaskParts } from '../algorithms/task.ts';
import type { ErrorReport } from '../base/errors/errors.ts';
import type { AcceptedResult, EngineUse, FileRef, Files } from '../run/events.ts';

/** One piece of work for one site. */
export interface SiteTask extends TaskParts {
  readonly id: string;
  readonly totalRounds: number;
  /** Of the task, as `seedOfTask` makes it. */
  readonly seed: number;
  /** The model among them. */
  readonly inputs: Files & { readonly model: FileRef };
  /** What is given, and what its answer brings. */
  readonly form: TaskForm;
  /** What the site kept from an earlier task, if anything. */
  readonly state?: FileRef;
}

/** What comes back from a site, to the task of an id. A result's files are durable before it is reported. */
export type SiteAnswer = { readonly task: string } & (
  | { readonly type: 'started' }
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'engine'; readonly engine: EngineUse }
  | { readonly type: 'result'; readonly result: AcceptedResult }
  | { readonly type: 'failure'; readonly error: ErrorReport }
);

/** Whose answer it is. */
export function siteOf({ task }: Pick<SiteAnswer, 'task'>): string {
  return partsOfTask(task).site;
}

/**
 * What became of an answer: accepted (and durable), a repetition of one that was, too late (its task is over, or was taken back), or of a
 * site that has no such task.
 */
export type Verdict = 'accepted' | 'duplicate' | 'late' | 'stranger';

/** Rejects when the answer could not be made durable; it may then be given again. */
export type AnswerListener = (answer: SiteAnswer) => Promise<Verdict>;

/** Who is needed for a round. */
export interface SitesNeeded {
  readonly least: number;
  readonly mandatory: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * The way to the sites and back, behind which lie threads or networks. A site has one task at a time. Answers may come in any order,
 * late, twice or never: the round decides what they mean. `test/conformance/channel.ts` says what each channel promises.
 */
export interface Channel {
  /** Sites that can take a task, once enough are there; in site order. Rejects with the signal's reason. */
  ready(need: SitesNeeded): Promise<readonly string[]>;
  /** The one who hears what sites say; set before the first task. */
  listen(listener: AnswerListener): void;
  /** A site has one task at a time: a later one takes the place of the one before, which is as if it were cancelled. */
  assign(task: SiteTask): void;
  /** The task is stopped, if its site has it yet, and will not be answered. */
  cancel(task: string): void;
}
