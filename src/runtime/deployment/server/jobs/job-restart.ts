import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { makeFolder } from '../../../base/files/files.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { JobStatus } from '../../../network/messages/admin.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import { moveToLostAndFound } from '../lost-and-found.ts';
import type { StateFolder } from '../state-folder.ts';
import type { JobRun } from './job-run.ts';
import type { JobScheduler } from './job-scheduler.ts';
import { INCOMING } from './take-in.ts';

export interface JobRestartDeps {
  readonly state: StateFolder;
  readonly store: Pick<ServerStore, 'jobs' | 'changeJob'>;
  readonly scheduler: JobScheduler;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  /** For people. */
  readonly tell: (line: string) => void;
  /** Opens a job that was taken in. */
  readonly open: (record: JobRecord, signal: AbortSignal) => Promise<JobRun>;
}

const UNFINISHED: JobStatus[] = ['SUBMITTED', 'DISPATCHED', 'RUNNING'];

/** After a start: finds every job where it was when the server stopped, and goes on with it. */
export class JobRestart {
  readonly #deps: JobRestartDeps;
  /** Not finished when the server started, and not taken up yet. */
  readonly #left = new Map<string, JobRecord>();
  #opening: { readonly id: string; readonly stop: AbortController } | undefined;
  readonly #back = Promise.withResolvers<void>();
  /** Settles when every job is where it was: a site that asked before would take its task for cancelled. */
  readonly isBack = this.#back.promise;
  #closed = false;

  constructor(deps: JobRestartDeps) {
    this.#deps = deps;
  }

  /** Before anybody is answered: what was cut short is removed, and what is not finished is known. */
  async prepare(): Promise<void> {
    const { store } = this.#deps;
    await this.#removeStrays();
    for (const record of await store.jobs({ statuses: UNFINISHED })) this.#left.set(record.id, record);
  }

  /** Settles when all jobs go on. */
  async start(): Promise<void> {
    const { scheduler } = this.#deps;
    for (const record of [...this.#left.values()]) if (this.#left.has(record.id)) await this.#takeUp(record);
    await Promise.all(scheduler.active().map(({ isBack }) => isBack));
    this.#back.resolve();
    if (this.#closed) return;
    scheduler.start();
    await scheduler.keepToStudies();
  }

  /** No further job is taken up. */
  close(): void {
    this.#closed = true;
    this.#back.resolve();
  }

  /** Whether a job is still to be taken up. */
  has(id: string): boolean {
    return this.#left.has(id);
  }

  /** Ends a job that is still to be taken up. Durable when it returns. */
  async abort(id: string, error: NeuroflareError): Promise<void> {
    const ended = new Date().toISOString();
    this.#left.delete(id);
    await this.#deps.store.changeJob(id, { status: 'FINISHED:ABORTED', ended, error: error.report() });
    if (this.#opening?.id === id) this.#opening.stop.abort(error);
  }

  async #takeUp(record: JobRecord): Promise<void> {
    if (this.#closed) return;
    const { scheduler, open } = this.#deps;
    const { id, damaged, status, error } = record;
    const stop = new AbortController();
    this.#opening = { id, stop };
    try {
      if (damaged) throw flError('NF_JOB_RECORD', { job: id, parts: damaged.parts.join(', ') });
      const run = await open(record, stop.signal);
      if (!this.#left.has(id) || this.#closed) return;
      if (status === 'SUBMITTED' && !error) scheduler.enqueue(run);
      else scheduler.launch(run);
    } catch (thrown) {
      if (this.#left.has(id) && !this.#closed) await this.#cannot(record, toNeuroflareError(thrown));
    } finally {
      this.#left.delete(id);
      this.#opening = undefined;
    }
  }

  async #cannot({ id }: JobRecord, error: NeuroflareError): Promise<void> {
    const { store, logger } = this.#deps;
    logger.error({ job: id, ...error.report() }, 'the job cannot be taken up again');
    const ended = new Date().toISOString();
    await store.changeJob(id, { status: 'FINISHED:EXECUTION_EXCEPTION', ended, error: error.report() });
  }

  /** Submissions that were cut short before anybody was told of them; what else is not known is kept. */
  async #removeStrays(): Promise<void> {
    const { state, store, logger, tell } = this.#deps;
    await makeFolder(state.jobs);
    const known = new Set((await store.jobs()).map(({ id }) => id));
    for (const name of await readdir(state.jobs)) {
      const path = join(state.jobs, name);
      if (name.startsWith(INCOMING)) await rm(path, { recursive: true, force: true });
      else if (!known.has(name)) {
        const kept = await moveToLostAndFound(state, path);
        logger.warn({ job: name, kept }, 'a folder of a job that the database does not know is kept');
        tell(`The database does not know the job ${name}: its folder was moved to ${kept}.`);
      }
    }
  }
}
