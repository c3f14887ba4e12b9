import type { ErrorReport } from '../base/errors/errors.ts';
import type { AcceptedResult, EngineUse, FileRef, TaskKind } from '../run/events.ts';

/** One piece of work for one site. */
export interface SiteTask {
  readonly site: string;
  readonly kind: TaskKind;
  readonly round: number;
  readonly totalRounds: number;
  /** Seed of (job, site, round). */
  readonly seed: number;
  readonly model: FileRef;
  /** What the site kept from an earlier round, if anything. */
  readonly state?: FileRef;
}

/** What comes back from a site. A result's files are durable before it is reported. */
export type SiteAnswer =
  | { readonly type: 'started'; readonly site: string; readonly round: number }
  | {
      readonly type: 'progress';
      readonly site: string;
      readonly round: number;
      readonly done: number;
      readonly total: number;
    }
  | { readonly type: 'engine'; readonly site: string; readonly round: number; readonly engine: EngineUse }
  | { readonly type: 'result'; readonly round: number; readonly result: AcceptedResult }
  | { readonly type: 'failure'; readonly site: string; readonly round: number; readonly error: ErrorReport };

/** Whose answer it is. */
export function siteOf(answer: SiteAnswer): string {
  return answer.type === 'result' ? answer.result.site : answer.site;
}

/**
 * What became of an answer: accepted (and durable), a repetition of one that was, too late for its round, or of a site that takes
 * no part in it.
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
  /** Takes the place of the site's task before it, which is as if it were cancelled. */
  assign(task: SiteTask): void;
  /** The site's present task, if any, is stopped and will not be answered. */
  cancel(site: string): void;
}
