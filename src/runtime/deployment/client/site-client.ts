import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { partsOfTask } from '../../algorithms/task.ts';
import { canonicalJson, prettyJson } from '../../base/digest.ts';
import { toNeuroflareError } from '../../base/errors/errors.ts';
import { clearFolder } from '../../base/files/clear-folder.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import type { Logger } from '../../base/logging/logger.ts';
import { Pace } from '../../base/threads/pace.ts';
import { openIntake } from '../../federation/intake/intake.ts';
import { POLL_SECONDS } from '../../network/messages/protocol.ts';
import type { Assignment } from '../../network/messages/site.ts';
import { usersOfJobs } from '../../security/policy/job-walls.ts';
import { jobFoldersIn } from '../../site/executor/job-folders.ts';
import { killLeftover } from '../../site/executor/process-executor.ts';
import type { SiteRevocations } from './consent/revocations.ts';
import { clearUnfinished } from './memory/clear-job.ts';
import type { ClientFolder } from './memory/client-folder.ts';
import type { JobList } from './memory/job-list.ts';
import { KeptStates } from './memory/kept-states.ts';
import { clearOldPersonal } from './memory/personal-models.ts';
import type { ServerLink } from './server-link.ts';
import { SiteJob, type SiteJobDeps } from './site-job.ts';

export interface SiteClientDeps extends Omit<SiteJobDeps, 'folder' | 'onChange' | 'intake'> {
  readonly folder: ClientFolder;
  readonly link: ServerLink;
  readonly logger: Logger & { level: string };
  /** Of the logs of jobs that are over, together; the oldest go first. */
  readonly keptLogBytes: number;
  readonly revocations: SiteRevocations;
  /** Another one when a file that holds the site's rules has changed. */
  readonly rulesStamp: () => Promise<string>;
}

/** From one question to the next where the answer brought nothing new. */
const LEAST_POLL_MS = 1000;
/** Rounds of small jobs follow each other in less than a second, but not for ever. */
const POLLS = { atOnce: 1000, perSecond: 50 };
/** Lists of the revoked that are fetched. */
const LISTS = { atOnce: 10, perSecond: 0.1 };
/** How often is looked for what somebody at the site has decided. */
const LOOK_MS = 500;
/** Folders of jobs that are over, kept for their logs. */
const KEPT_FOLDERS = 50;

/** Does what the server wants of this site: each answer to a poll names all of it, and what is not in it is stopped. */
export class SiteClient {
  readonly #deps: SiteClientDeps;
  readonly #jobs = new Map<string, SiteJob>();
  readonly #intake = openIntake();
  readonly #kept: KeptStates;
  /** Jobs whose files are being cleared away. */
  readonly #ending = new Map<string, Promise<void>>();
  #listing: Promise<void> = Promise.resolve();
  #isListDue = false;
  /** Of the files that hold the site's rules, when they were last looked at. */
  #stamp = '';
  #rulesChanged = false;
  readonly #lists = new Pace(LISTS);
  /** Of files that could not be read. */
  #unread: string | undefined;
  /** Digest of a list of the revoked that was not taken. */
  #refusedList: string | undefined;
  /** Why the last one was not. */
  #listTrouble: string | undefined;

  constructor(deps: SiteClientDeps) {
    this.#deps = deps;
    this.#kept = new KeptStates({ ...deps, isAtHand: (id) => this.#jobs.has(id) });
  }

  /** Until an admin ends the client, or the signal does. */
  async run(signal: AbortSignal): Promise<'shutdown' | 'restart'> {
    await this.#endLeftovers();
    let looking: Promise<void> = Promise.resolve();
    const look = () => {
      looking = looking
        .then(() => this.#reconsider())
        .catch((thrown: unknown) => {
          this.#deps.logger.error(
            toNeuroflareError(thrown).report(),
            'the rules of the site cannot be applied',
          );
        });
    };
    const timer = setInterval(look, LOOK_MS);
    try {
      return await this.#poll(signal);
    } finally {
      clearInterval(timer);
      await looking;
      await Promise.all([...this.#jobs.values()].map((job) => job.stop({ keep: true })));
      await this.#listing;
      await this.#kept.close();
      await this.#intake.close();
    }
  }

  async #poll(signal: AbortSignal): Promise<'shutdown' | 'restart'> {
    const { link } = this.#deps;
    let known: string | undefined;
    const polls = new Pace(POLLS);
    for (let seen: string | null = null; ; ) {
      const askedAt = performance.now();
      const jobs = [...this.#jobs.values()].map(({ id, standing: { phase, task, bytes, trouble } }) => ({
        job_id: id,
        phase,
        bytes,
        ...(task !== undefined && { task }),
        ...(trouble && { trouble }),
      }));
      const assignment: Assignment = await link.poll({ seen, wait_seconds: POLL_SECONDS, jobs });
      signal.throwIfAborted();
      await this.#obey(assignment, askedAt);
      signal.throwIfAborted();
      // What is at hand is known now.
      if (seen === null) {
        this.#kept.look();
        // An answer to a job that nobody wants any more never leaves.
        await this.#deps.privacy.releaseUnanswered((id) => this.#jobs.has(id));
        await this.#tidy();
      }
      if (assignment.order) return assignment.order;
      seen = assignment.version;
      const news = canonicalJson({ ...assignment, version: '', time: '' });
      const rest = askedAt + LEAST_POLL_MS - performance.now();
      // A server that answers at once, with nothing new or with news that it makes up, is not asked as fast as it answers.
      const wait = Math.max(polls.take(), news === known ? rest : 0);
      if (wait > 0) await sleep(wait, undefined, { signal });
      known = news;
    }
  }

  async #obey(assignment: Assignment, askedAt: number): Promise<void> {
    const { jobs, log_level: level, revoked_sha256: revoked } = assignment;
    const { logger } = this.#deps;
    if (level) logger.level = level;
    if (revoked !== undefined) await this.#learnRevoked(revoked);
    const wanted = new Set(jobs.map(({ job_id: id }) => id));
    for (const job of [...this.#jobs.values()]) if (!wanted.has(job.id)) await this.#drop(job);
    for (const assigned of jobs) {
      const { job_id: id, resume } = assigned;
      // One that ended and was resumed between two questions begins anew all the same.
      const before = this.#jobs.get(id);
      if (before && before.resume !== resume) await this.#drop(before);
      const known = this.#jobs.get(id);
      if (known) known.assign(assigned, askedAt);
      else this.#begin(new SiteJob(assigned, { askedAt }, this.#depsOf(id)));
    }
    this.#list();
  }

  /** The server wants nothing more of a job; what this site had accepted is over. */
  async #drop(job: SiteJob): Promise<void> {
    const { id } = job;
    if (job.standing.task !== undefined) job.standing.tell('over here');
    this.#jobs.delete(id);
    await this.#deps.memory.end(id, 'the server has ended it');
    // A process that ends slowly must not keep the site from answering.
    const ending = job
      .stop({ keep: false })
      .catch((thrown: unknown) => this.#cannotClear(this.#deps.folder.job(id).root, thrown))
      .then(() => this.#tidy())
      .then(() => this.#kept.look())
      .finally(() => {
        if (this.#ending.get(id) === ending) this.#ending.delete(id);
      });
    this.#ending.set(id, ending);
  }

  #begin(job: SiteJob): void {
    this.#jobs.set(job.id, job);
    job.start(this.#ending.get(job.id));
  }

  /** A list that cannot be taken changes nothing: the one that is known stays. */
  async #learnRevoked(digest: string): Promise<void> {
    const { link, revocations, logger, tell } = this.#deps;
    if (digest === revocations.digest || digest === this.#refusedList || !this.#lists.isDue()) return;
    const before = revocations.digest;
    try {
      await revocations.take(await link.revoked());
      this.#listTrouble = undefined;
      if (revocations.digest === before) return;
      this.#rulesChanged = true;
      tell(`Revocations: ${revocations.told(new Date())}.`);
    } catch (thrown) {
      const error = toNeuroflareError(thrown);
      // One that did not come may come yet.
      if (error.code === 'NF_REVOKED_LIST') this.#refusedList = digest;
      logger.warn(error.report(), 'a list of revoked certificates is not taken');
      if (this.#listTrouble !== error.code) tell(`Revocations: ${error.code}: ${error.message}`);
      this.#listTrouble = error.code;
    }
  }

  /** What somebody at the site decides also counts for jobs that run. */
  async #reconsider(): Promise<void> {
    const stamp = await this.#deps.rulesStamp();
    if (stamp === this.#stamp && !this.#rulesChanged) return;
    const rules = await this.#deps.rules().catch((thrown: unknown) => this.#unreadable(stamp, thrown));
    if (!rules) return;
    this.#stamp = stamp;
    this.#rulesChanged = false;
    for (const job of this.#jobs.values()) await job.reconsider(rules);
  }

  /** Rules that cannot be read change nothing for jobs that run: said once, for somebody may have meant to end one. */
  #unreadable(stamp: string, thrown: unknown): undefined {
    if (stamp === this.#unread) return;
    this.#unread = stamp;
    const error = toNeuroflareError(thrown);
    this.#deps.logger.error(error.report(), 'the rules of the site cannot be read');
    this.#deps.tell(`${error.code}: ${error.message} ${error.hint} Jobs that run here go on as before.`);
  }

  #depsOf(id: string): SiteJobDeps {
    const folder = this.#deps.folder.job(id);
    return { ...this.#deps, folder, intake: this.#intake, onChange: () => this.#list() };
  }

  /** For `client jobs list`, which is another process. */
  #list(): void {
    // Changes that come while one list is written are in the next.
    if (this.#isListDue) return;
    this.#isListDue = true;
    const write = () => {
      this.#isListDue = false;
      const jobs = [...this.#jobs.values()].map((job) => listed(job, this.#deps.folder));
      return writeFileAtomic(this.#deps.folder.jobList, prettyJson({ jobs } satisfies JobList));
    };
    this.#listing = this.#listing.then(write).catch((error: unknown) => {
      this.#deps.logger.warn({ reason: String(error) }, 'the list of jobs cannot be written');
    });
  }

  /** Of an earlier client that came to no end of its own. */
  async #endLeftovers(): Promise<void> {
    const { folder, policy } = this.#deps;
    const users = usersOfJobs(await policy());
    for (const id of await jobFoldersIn(folder.jobs)) {
      await killLeftover(folder.job(id), users);
      await clearUnfinished(folder.job(id)).catch((thrown: unknown) =>
        this.#cannotClear(folder.job(id).states, thrown),
      );
    }
    // Their processes are gone: what has no answer never leaves.
    await this.#deps.privacy.releaseUnanswered((id) => existsSync(folder.job(id).outbox));
  }

  /** Never rejects: what cannot be cleared away stays, and is tried again. */
  async #tidy(): Promise<void> {
    const { folder } = this.#deps;
    for (const id of await this.#outlived().catch((thrown: unknown) =>
      this.#cannotClear(folder.jobs, thrown),
    ))
      await clearFolder(folder.job(id).root).catch((thrown: unknown) =>
        this.#cannotClear(folder.job(id).root, thrown),
      );
    await clearOldPersonal(folder, (id) => this.#jobs.has(id)).catch((thrown: unknown) =>
      this.#cannotClear(folder.personalModels, thrown),
    );
  }

  #cannotClear(path: string, thrown: unknown): [] {
    const report = toNeuroflareError(thrown).report();
    this.#deps.logger.warn({ path, ...report }, 'what is not needed any more cannot be cleared away');
    return [];
  }

  /** Ids of jobs that are over whose logs are not kept any longer. */
  async #outlived(): Promise<string[]> {
    const { folder } = this.#deps;
    const kept = new Set(await this.#kept.jobs());
    const isOver = (id: string) => !this.#jobs.has(id) && !kept.has(id);
    const names = (await jobFoldersIn(folder.jobs)).filter(isOver);
    const aged = await Promise.all(
      names.map(async (name) => {
        const log = await stat(folder.job(name).log).catch(() => undefined);
        return { name, at: (await stat(folder.job(name).root)).mtimeMs, bytes: log?.size ?? 0 };
      }),
    );
    let bytes = 0;
    const old = aged
      .sort((a, b) => b.at - a.at)
      .filter((one, index) => {
        bytes += one.bytes;
        return index >= KEPT_FOLDERS || bytes > this.#deps.keptLogBytes;
      });
    return old.map(({ name }) => name);
  }
}

function listed(
  { id, standing: { phase, task, known } }: SiteJob,
  folder: ClientFolder,
): JobList['jobs'][number] {
  const { signed, signer, offered } = known ?? {};
  const terms = signed?.terms.version === 2 ? signed.terms : undefined;
  return {
    job_id: id,
    name: terms?.name ?? offered?.job.name ?? null,
    submitter: signer?.name ?? null,
    org: signer?.org ?? null,
    study: terms?.study ?? null,
    submitted: terms?.submitted ?? null,
    expires: terms?.expires ?? null,
    phase,
    round: task === undefined ? null : partsOfTask(task).round,
    code_sha256: offered?.bundle.codeSha256 ?? null,
    folder: folder.job(id).root,
  };
}
