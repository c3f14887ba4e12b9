import { flError } from '../../../base/errors/errors.ts';
import { OFFER_LIMITS } from '../../../base/limits.ts';
import type { AssignedJob } from '../../../network/messages/site.ts';
import type { Studies } from '../policy/studies.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';
import type { JobRun } from './job-run.ts';
import { hasRoom, type ScheduledSite, schedule } from './schedule.ts';

export interface SchedulerDeps {
  readonly registry: Pick<SiteRegistry, 'sessions' | 'isEnabled' | 'wakeAll' | 'listen'>;
  readonly studies: Pick<Studies, 'hasSite' | 'ofJob'>;
  /** Jobs that train at the same time. */
  readonly maxJobs: number;
}

const LOOK_MS = 1000;

/** Jobs that are not over: they wait for their turn, are offered to sites that have room for them, and run. */
export class JobScheduler {
  readonly #deps: SchedulerDeps;
  /** Submitted and not yet offered, in the order they came. */
  readonly #waiting = new Map<string, JobRun>();
  /** Offered or running. */
  readonly #active = new Map<string, JobRun>();
  /** Those that train, or are about to: `maxJobs` at most. */
  readonly #places = new Set<string>();
  /** When the active ones were offered, of the monotonic clock in milliseconds. */
  readonly #offeredAt = new Map<string, number>();
  /** Of those that were launched: settles when nothing of them is under way any more. */
  readonly #runs = new Map<string, Promise<void>>();
  #reasons: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
  }

  /** Looks from now on by itself whether a job's turn has come. */
  start(): void {
    if (this.#closed) return;
    const look = () => this.look();
    this.#deps.registry.listen({ connected: look, lost: look });
    this.#timer = setInterval(look, LOOK_MS);
    look();
  }

  /** No job's turn comes any more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** Jobs are left where they are; they go on with the next start. Settles when nothing of them is under way any more. */
  async stop(): Promise<void> {
    this.close();
    for (const run of this.#active.values()) run.interrupt();
    for (const run of this.#waiting.values()) run.channel.close();
    await Promise.all(this.#runs.values());
  }

  active(): readonly JobRun[] {
    return [...this.#active.values()];
  }

  waitingCount(): number {
    return this.#waiting.size;
  }

  /** A job that is not over. */
  find(id: string): JobRun | undefined {
    return this.#active.get(id) ?? this.#waiting.get(id);
  }

  /** Why a submitted job is not offered yet. */
  reasonOf(id: string): string | undefined {
    return this.#reasons.get(id);
  }

  /** A job of an offer or a task, for a site that has it. @throws NF_JOB_NOT_HERE */
  forSite(id: string, site: string): JobRun {
    const run = this.#active.get(id);
    if (run?.asks(site)) return run;
    throw flError('NF_JOB_NOT_HERE', { job: id, site });
  }

  /** Everything a site should be doing. */
  assigned(site: string): AssignedJob[] {
    return this.active().flatMap((run) => run.assigned(site) ?? []);
  }

  /** When nothing of a job is under way any more. */
  async settled(id: string): Promise<void> {
    await this.#runs.get(id);
  }

  /** The job waits for its turn. */
  enqueue(run: JobRun): void {
    this.#waiting.set(run.record.id, run);
  }

  launch(run: JobRun): void {
    const { id, status } = run.record;
    this.#waiting.delete(id);
    this.#active.set(id, run);
    this.#offeredAt.set(id, performance.now());
    if (status === 'RUNNING') this.#places.add(id);
    const done = run.run().finally(() => {
      this.#runs.delete(id);
      this.#offeredAt.delete(id);
      this.#places.delete(id);
      if (this.#closed) return;
      this.#active.delete(id);
      this.#deps.registry.wakeAll();
      this.look();
    });
    this.#runs.set(id, done);
  }

  /** A job that must end does so now, whoever's turn it is. */
  end({ record }: JobRun): void {
    const run = this.#waiting.get(record.id);
    if (run) this.launch(run);
  }

  /** Sites that are not in a job's study any more have no part in it; a job whose study is gone ends. */
  async keepToStudies(): Promise<void> {
    const { studies } = this.#deps;
    for (const run of [...this.#active.values(), ...this.#waiting.values()]) {
      const { record } = run;
      for (const site of run.offers.taking()) if (!studies.hasSite(record, site)) await run.dismiss(site);
      if (studies.ofJob(record)) continue;
      run.giveUp(`the study ${record.study} was removed`);
      this.end(run);
    }
    this.look();
  }

  /** Offers waiting jobs to sites that have room for them. */
  look(): void {
    if (this.#closed) return;
    const waiting = [...this.#waiting.values()].map((run) => ({
      id: run.record.id,
      need: run.job.definition.resources,
      offers: run.offers,
      mayRunAt: (site: string) => this.#mayRunAt(site, run),
    }));
    const { start, reasons } = schedule(waiting, {
      sites: this.#sites(),
      running: this.#runningCount(),
      maxJobs: this.#deps.maxJobs,
    });
    this.#reasons = reasons;
    for (const id of start) {
      const run = this.#waiting.get(id);
      if (run) this.launch(run);
    }
    for (const run of this.#active.values()) run.refresh();
  }

  /** Sites that are here and have the job, or could take it: of its study, with room for it. */
  eligible(run: JobRun): string[] {
    const need = run.job.definition.resources;
    return this.#sites()
      .filter((site) => run.asks(site.name) || (this.#mayRunAt(site.name, run) && hasRoom(site, need)))
      .map(({ name }) => name);
  }

  /** Jobs that run at a site at the moment but for one, and the milliseconds a task of theirs can last. */
  othersAt(site: string, { record }: JobRun): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const [id, { channel }] of this.#active) {
      const longest = id === record.id ? undefined : channel.runsAt(site);
      if (longest !== undefined) found.set(id, longest);
    }
    return found;
  }

  /** Whether there is room for one more job that trains: it takes a place then. */
  mayBegin({ record: { id } }: JobRun): boolean {
    if (this.#places.size >= this.#deps.maxJobs && !this.#places.has(id)) return false;
    this.#places.add(id);
    return true;
  }

  /** One that has only been offered for a while keeps no other from its turn, as long as these are not too many. */
  #runningCount(): number {
    const { counted_seconds: grace, offered } = OFFER_LIMITS;
    const { maxJobs } = this.#deps;
    const since = performance.now() - grace.most * 1000;
    const count = [...this.#offeredAt].filter(([id, at]) => this.#places.has(id) || at > since).length;
    return this.#active.size >= offered.most * maxJobs ? Math.max(count, maxJobs) : count;
  }

  #mayRunAt(site: string, { record }: JobRun): boolean {
    return this.#deps.registry.isEnabled(site) && this.#deps.studies.hasSite(record, site);
  }

  /** Sites that are here, and what they have taken on. */
  #sites(): ScheduledSite[] {
    return this.#deps.registry.sessions().map(({ site, resources }) => ({
      name: site,
      resources,
      taken: this.active()
        .filter((run) => run.asks(site))
        .map(({ job }) => job.definition.resources),
    }));
  }
}
