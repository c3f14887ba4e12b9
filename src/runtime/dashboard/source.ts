import type { Action, JobNews, SourceView } from './shown.ts';

/** A place whose jobs are shown: a workspace of simulations, a server, a site. */
export interface Source {
  readonly id: string;
  /** How it stands now; what cannot be reached is said in the view, not thrown. */
  look(): Promise<SourceView>;
  /** A job as it goes on, until the signal. @throws NF_DASHBOARD_JOB where there is none */
  follow(job: string, watcher: Watcher): Promise<void>;
  /** Does what somebody at the page asks for; returns what was done, in a sentence. @throws NF_DASHBOARD_ACTION, and what is refused */
  act(asked: AskedAction): Promise<string>;
  close(): Promise<void>;
}

export interface Watcher {
  readonly signal: AbortSignal;
  /** Settles when the page has taken it. */
  readonly tell: (news: JobNews) => Promise<void>;
}

export interface AskedAction {
  readonly action: Action;
  readonly job: string;
  /** Whole digest of code that was shown. */
  readonly code?: string | undefined;
  /** Whose job it is, as it was shown. */
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}
