import type { ChainedLog } from './chained-log.ts';

/** Who did what to what, and how it went. */
export interface Deed {
  /** Name in the certificate; of what a server or client does by itself its own. */
  readonly actor: string;
  readonly org?: string | undefined;
  readonly role?: string | undefined;
  /** For example `job.submit`. */
  readonly action: string;
  readonly job?: string | undefined;
  readonly site?: string | undefined;
  readonly outcome: 'done' | 'refused';
  /** Error code of what was refused, or a word on what was done. */
  readonly detail?: string | undefined;
}

export type AuditLog = ChainedLog<Deed>;
