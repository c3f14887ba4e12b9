import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openIntake } from '../federation/intake/intake.ts';
import { prettyJson } from '../kernel/digest.ts';
import type { Logger } from '../telemetry/logger.ts';
import { POLL_SECONDS } from '../wire/protocol.ts';
import type { Assignment } from '../wire/site.ts';
import { writeFileAtomic } from '../workspace/files.ts';
import type { ClientFolder } from './client-folder.ts';
import type { JobList } from './job-list.ts';
import { killLeftover } from './job-process.ts';
import type { ServerLink } from './server-link.ts';
import { SiteJob, type SiteJobDeps } from './site-job.ts';

export interface SiteClientDeps extends Omit<SiteJobDeps, 'folder' | 'onChange' | 'intake'> {
  readonly folder: ClientFolder;
  readonly link: ServerLink;
  readonly logger: Logger & { level: string };
  /** Of the logs of jobs that are over, together; the oldest go first. */
  readonly keptLogBytes: number;
}

/** Folders of jobs that are over, kept for their logs. */
const KEPT_FOLDERS = 50;

/** Does what the server wants of this site: each answer to a poll names all of it, and what is not in it is stopped. */
export class SiteClient {
  readonly #deps: SiteClientDeps;
  readonly #jobs = new Map<string, SiteJob>();
  readonly #intake = openIntake();
  #listing: Promise<void> = Promise.resolve();

  constructor(deps: SiteClientDeps) {
    this.#deps = deps;
  }

  /** Until an admin ends the client, or the signal does. */
  async run(signal: AbortSignal): Promise<'shutdown' | 'restart'> {
    await this.#killLeftovers();
    try {
      return await this.#poll(signal);
    } finally {
      await Promise.all([...this.#jobs.values()].map((job) => job.stop({ keep: true })));
      await this.#listing;
      await this.#intake.close();
    }
  }

  async #poll(signal: AbortSignal): Promise<'shutdown' | 'restart'> {
    const { link } = this.#deps;
    for (let seen: string | null = null; ; ) {
      const askedAt = performance.now();
      const jobs = [...this.#jobs.values()].map(({ offer: { job_id }, phase, round, bytes, trouble }) => ({
        job_id,
        phase,
        bytes,
        ...(round !== undefined && { round }),
        ...(trouble && { trouble }),
      }));
      const assignment: Assignment = await link.poll({ seen, wait_seconds: POLL_SECONDS, jobs });
      signal.throwIfAborted();
      await this.#obey(assignment, askedAt);
      if (assignment.order) return assignment.order;
      seen = assignment.version;
    }
  }

  async #obey({ jobs, log_level: level }: Assignment, askedAt: number): Promise<void> {
    const { logger } = this.#deps;
    if (level) logger.level = level;
    const wanted = new Set(jobs.map(({ offer }) => offer.job_id));
    for (const [id, job] of this.#jobs) {
      if (wanted.has(id)) continue;
      this.#jobs.delete(id);
      // A process that ends slowly must not keep the site from answering.
      void job.stop({ keep: false }).then(() => this.#tidy());
    }
    for (const assigned of jobs) {
      const { job_id: id } = assigned.offer;
      const known = this.#jobs.get(id);
      if (known) known.assign(assigned, askedAt);
      else this.#begin(new SiteJob(assigned, { askedAt }, this.#depsOf(id)));
    }
    this.#list();
  }

  #begin(job: SiteJob): void {
    this.#jobs.set(job.offer.job_id, job);
    job.start();
  }

  #depsOf(id: string): SiteJobDeps {
    const folder = this.#deps.folder.job(id);
    return { ...this.#deps, folder, intake: this.#intake, onChange: () => this.#list() };
  }

  /** For `client jobs list`, which is another process. */
  #list(): void {
    const list: JobList = {
      jobs: [...this.#jobs.values()].map(({ offer, phase, round, codeSha256 }) => ({
        job_id: offer.job_id,
        name: offer.name,
        submitter: offer.submitter.name,
        org: offer.submitter.org,
        submitted: offer.submitted,
        phase,
        round: round ?? null,
        code_sha256: codeSha256 ?? null,
        folder: this.#deps.folder.job(offer.job_id).root,
      })),
    };
    const write = () => writeFileAtomic(this.#deps.folder.jobList, prettyJson(list));
    this.#listing = this.#listing.then(write).catch((error: unknown) => {
      this.#deps.logger.warn({ reason: String(error) }, 'the list of jobs cannot be written');
    });
  }

  async #killLeftovers(): Promise<void> {
    const { folder } = this.#deps;
    for (const id of await readdir(folder.jobs).catch(() => [])) await killLeftover(folder.job(id));
  }

  async #tidy(): Promise<void> {
    const { folder } = this.#deps;
    const { jobs } = folder;
    const names = (await readdir(jobs).catch(() => [])).filter((id) => !this.#jobs.has(id));
    const aged = await Promise.all(
      names.map(async (name) => {
        const log = await stat(folder.job(name).log).catch(() => undefined);
        return { name, at: (await stat(join(jobs, name))).mtimeMs, bytes: log?.size ?? 0 };
      }),
    );
    let bytes = 0;
    const old = aged
      .sort((a, b) => b.at - a.at)
      .filter((one, index) => {
        bytes += one.bytes;
        return index >= KEPT_FOLDERS || bytes > this.#deps.keptLogBytes;
      });
    await Promise.all(old.map(({ name }) => rm(join(jobs, name), { recursive: true, force: true })));
  }
}
