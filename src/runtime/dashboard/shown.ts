import type { ErrorReport } from '../base/errors/errors.ts';

/** What the page is told, as it goes over the wire: JSON of these. Texts in it are those of others; the page escapes them. */

export type Tone = 'running' | 'waiting' | 'done' | 'failed' | 'stopped';

/** A job, or run, on one line. */
export interface JobLine {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly tone: Tone;
  readonly rounds: number | null;
  readonly numRounds: number | null;
  readonly sites: number | null;
  readonly metric: string | null;
  readonly best: number | null;
  /** Whose it is. */
  readonly by: string | null;
  /** ISO 8601, UTC. */
  readonly begun: string | null;
  /** What it waits for, in a sentence. */
  readonly waits: string | null;
}

/** A site of a federation, as its server knows it. */
export interface SiteLine {
  readonly site: string;
  readonly org: string | null;
  readonly connected: boolean;
  readonly enabled: boolean;
  readonly engine: string | null;
  readonly version: string | null;
  readonly lastSeen: string | null;
  readonly jobs: number;
}

/** Jobs of one place, at one moment. */
export interface SourceView {
  readonly id: string;
  readonly kind: 'workspace' | 'server' | 'site';
  readonly label: string;
  /** Where it is, or who asks. */
  readonly about: string;
  /** Why nothing newer is known. */
  readonly trouble: string | null;
  readonly jobs: readonly JobLine[];
  readonly sites: readonly SiteLine[];
  /** What its reader should know. */
  readonly notes: readonly string[];
  /** What may be done with its jobs. */
  readonly actions: readonly Action[];
}

export const ACTIONS = ['abort', 'clone', 'report', 'approve', 'revoke', 'stop'] as const;
export type Action = (typeof ACTIONS)[number];

/** How far one site is with a job. */
export interface SiteProgress {
  readonly site: string;
  readonly phase: string;
  readonly done: number | null;
  readonly total: number | null;
  /** Images, steps of a private job, or what else the script counts, in a second. */
  readonly perSecond: number | null;
  readonly since: string | null;
  readonly connected: boolean;
  readonly isWaitedFor: boolean;
  /** Rounds that its results are in. */
  readonly rounds: number | null;
  readonly note: string | null;
}

export interface Failure {
  readonly site: string | null;
  readonly round: number | null;
  readonly error: ErrorReport;
}

/** Whom a job waits for, since when, and by which rule. */
export interface Waiting {
  readonly what: string;
  readonly sites: readonly string[];
  readonly since: string;
  readonly rule: string;
  readonly ends: string | null;
}

/** A job as it stands. */
export interface JobState extends JobLine {
  readonly ended: string | null;
  /** The round at hand; null between rounds. */
  readonly round: number | null;
  readonly progress: readonly SiteProgress[];
  readonly waiting: Waiting | null;
  /** The first one of any site, and what ended the job. */
  readonly failure: Failure | null;
  readonly error: ErrorReport | null;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly notes: readonly string[];
  /** Commands that go on from here. */
  readonly next: readonly string[];
  readonly actions: readonly Action[];
  /** Its report can be read. */
  readonly hasReport: boolean;
}

/** A closed round: figures of the model it was opened with, which is model `round - 1`. */
export interface RoundLine {
  readonly round: number;
  readonly kind: 'train' | 'evaluate';
  readonly ended: string;
  readonly seconds: number | null;
  readonly figures: Readonly<Record<string, number>>;
  readonly sites: Readonly<Record<string, SiteFigures>>;
  readonly notes: readonly string[];
}

export interface SiteFigures {
  readonly figures: Readonly<Record<string, number>>;
  readonly examples: number;
  readonly seconds: number;
}

export interface LogLine {
  readonly time: string;
  readonly site: string;
  readonly level: string;
  readonly text: string;
}

/** News of one job. What comes first of a kind is all there is so far. */
export type JobNews =
  | { readonly type: 'state'; readonly state: JobState }
  | { readonly type: 'rounds'; readonly rounds: readonly RoundLine[] }
  | { readonly type: 'log'; readonly lines: readonly LogLine[] }
  | { readonly type: 'trouble'; readonly message: string | null };
