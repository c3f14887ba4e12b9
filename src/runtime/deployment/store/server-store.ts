import type { ErrorReport } from '../../base/errors/errors.ts';
import type { JobStatus, Study } from '../../network/messages/admin.ts';
import type { Signature } from '../../network/messages/shapes.ts';
import type { Decision } from '../../network/messages/site.ts';
import type { JobTerms } from '../../network/messages/terms.ts';
import type { RunEvent } from '../../run/events.ts';
import type { Journal } from '../../run/journal.ts';

/** Who acts. */
export interface Actor {
  readonly name: string;
  readonly org: string;
  readonly role?: string | undefined;
}

interface BlobRef {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** A job as it was submitted. Nothing of it changes but what `JobChange` names. */
export interface JobRecord {
  readonly id: string;
  readonly name: string;
  readonly study: string;
  /** Of the study it was submitted to; undefined if that was gone before studies had ids. */
  readonly studyId?: string | undefined;
  readonly submitter: Actor;
  /** ISO 8601, UTC; as all times here. */
  readonly submitted: string;
  /** Makes a repeated submission answer with this job. */
  readonly token?: string | undefined;
  readonly clonedFrom?: string | undefined;
  /** Over the paths and digests of its files. */
  readonly bundleSha256: string;
  /** The same without job.yaml: what a site approves. */
  readonly codeSha256: string;
  /** The files as they travel to the sites. */
  readonly bundle: BlobRef;
  /** What was signed; undefined of a job that version 0.1.0 took in: then only project, id and digest of the files were. */
  readonly terms?: JobTerms | undefined;
  readonly signature: Signature;
  readonly numRounds: number;
  readonly keyMetric: string;
  /** Sites the submitter named; undefined leaves the choice to the server. */
  readonly clients?: readonly string[] | undefined;
  /** The model of round 0, where the submitter sent it apart from the job's files. */
  readonly initialModel?: BlobRef | undefined;
  readonly status: JobStatus;
  readonly started?: string | undefined;
  readonly ended?: string | undefined;
  /** Results a round needs; known when it starts. */
  readonly minClients?: number | undefined;
  /** What ended it. */
  readonly error?: ErrorReport | undefined;
  /** How far it came, once it has ended; of one that was resumed, before. */
  readonly outcome?: JobOutcome | undefined;
  /** What of the record cannot be read, and all of it as it stood there. */
  readonly damaged?: { readonly parts: readonly string[]; readonly text: string } | undefined;
  /** When it went on after it had ended, oldest first. */
  readonly resumed?: readonly ResumedRecord[] | undefined;
}

export interface ResumedRecord {
  readonly time: string;
  /** Who signed it anew. */
  readonly by: string;
  /** Of training, closed before. */
  readonly round: number;
  /** Code of the error that had ended it. */
  readonly ended_by: string | null;
}

/** What makes a job that is over go on. */
export interface Resumption extends Pick<ResumedRecord, 'by' | 'round'> {
  readonly terms: JobTerms;
  readonly signature: Signature;
}

/** What went to and fro for a job since the server last started. */
export interface Traffic {
  readonly aggregationSeconds: number;
  readonly sites: Readonly<
    Record<string, { bytesIn: number; bytesOut: number; results: number; seconds: number }>
  >;
}

export interface JobOutcome {
  readonly round: number;
  readonly best: { readonly model: number; readonly value: number } | null;
  /** Rounds of training each site's result is in; jobs of version 0.1.0 have not noted it. */
  readonly rounds?: Readonly<Record<string, number>> | undefined;
  /** Undefined of jobs of version 0.1.0. */
  readonly traffic?: Traffic | undefined;
  /** Its results as they were written, so that damage is noticed; jobs of version 0.1.0 have not noted it. */
  readonly files?:
    | readonly { readonly path: string; readonly size: number; readonly sha256: string }[]
    | undefined;
  readonly firstFailure: {
    readonly site: string;
    readonly round: number;
    readonly error: ErrorReport;
  } | null;
}

export type JobChange = Partial<
  Pick<JobRecord, 'status' | 'started' | 'ended' | 'minClients' | 'error' | 'outcome'>
>;

/** What a site said to an offered job. */
export interface DecisionRecord extends Decision {
  readonly site: string;
  readonly time: string;
}

export interface SiteRecord {
  readonly name: string;
  readonly org: string;
  readonly enabled: boolean;
  readonly lastSeen: string | undefined;
}

export interface StoredEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly time: string;
  readonly event: RunEvent;
}

export interface JobFilter {
  /** Name of who submitted them. */
  readonly submitter?: string | undefined;
  readonly study?: string | undefined;
  readonly token?: string | undefined;
  readonly statuses?: readonly JobStatus[] | undefined;
}

/**
 * What a server must not forget, in its own verbs: SQLite stands behind it, PostgreSQL could. What a call has answered
 * is on disk.
 */
export interface ServerStore {
  /** With a token that is known: the job it was given for. @throws NF_SUBMIT_TOKEN_CONFLICT if that is another one */
  addJob(job: JobRecord): Promise<{ readonly job: JobRecord; readonly isNew: boolean }>;
  job(id: string): Promise<JobRecord | undefined>;
  /** Oldest first. */
  jobs(filter?: JobFilter): Promise<JobRecord[]>;
  changeJob(id: string, change: JobChange): Promise<void>;
  /**
   * Puts a job that ended without success back to SUBMITTED, with what was signed anew; what sites had said to it is forgotten, its log
   * goes on. All of it or nothing.
   * @throws NF_JOB_UNKNOWN, NF_JOB_NOT_OVER, NF_JOB_COMPLETED, NF_JOB_TERMS where it was resumed meanwhile
   */
  resumeJob(id: string, resumption: Resumption): Promise<JobRecord>;
  /** With its events and decisions. */
  deleteJob(id: string): Promise<void>;
  /** Whether a job that is not there was deleted; else it was lost, or never there. */
  wasDeleted(id: string): Promise<boolean>;

  journal(job: string): Journal<RunEvent>;
  /** Those after a number, oldest first; fewer where they are large (`events_bytes`), and one at least where there is any. */
  events(job: string, after: number, limit: number): Promise<StoredEvent[]>;

  decide(job: string, decision: DecisionRecord): Promise<void>;
  decisions(job: string): Promise<DecisionRecord[]>;

  /** Remembers that a site exists and when it was there. */
  seeSite(site: { readonly name: string; readonly org: string; readonly time: string }): Promise<void>;
  setSiteEnabled(name: string, enabled: boolean): Promise<void>;
  sites(): Promise<SiteRecord[]>;

  putStudy(study: Study): Promise<void>;
  deleteStudy(name: string): Promise<void>;
  studies(): Promise<Study[]>;

  /** A consistent copy of everything into a new file, while work goes on. */
  copyTo(path: string): Promise<void>;
  close(): Promise<void>;
}
