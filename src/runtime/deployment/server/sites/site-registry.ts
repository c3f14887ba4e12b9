import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { type ErrorReport, flError } from '../../../base/errors/errors.ts';
import { compareSites } from '../../../base/site-order.ts';
import { timeText } from '../../../base/text/time-text.ts';
import { Bell } from '../../../base/threads/bell.ts';
import { LEASE_SECONDS } from '../../../network/messages/protocol.ts';
import type { pollRequest, sessionRequest } from '../../../network/messages/site.ts';

type SessionRequest = z.output<typeof sessionRequest>;
type JobPhases = z.output<typeof pollRequest>['jobs'];

/** One running client of a site. */
export interface SiteSession extends SessionRequest {
  readonly id: string;
  readonly site: string;
  readonly org: string;
  /** Address the server sees it at. */
  readonly address: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  lastSeen: string;
  /** Of the monotonic clock, in milliseconds: a clock that is set does not lose a site. */
  seenAt: number;
  jobs: JobPhases;
}

export interface SiteEvents {
  /** First sign of life, or the first one after it was lost. */
  connected(session: SiteSession): void;
  /** The lease ran out, or the client said goodbye. */
  lost(session: SiteSession, why: 'silent' | 'left'): void;
}

interface Lost {
  readonly since: string;
  /** Of the monotonic clock, in milliseconds. */
  readonly at: number;
  /** It ended in order, and for good as far as it said. */
  readonly isGone: boolean;
}

const CHECK_MS = 500;

/** Which sites are there: each holds a lease that its signs of life renew. Nothing of it outlives the server. */
export class SiteRegistry {
  readonly #sessions = new Map<string, SiteSession>();
  /** Sites that were here and are not. */
  readonly #lost = new Map<string, Lost>();
  readonly #started = performance.now();
  readonly #bells = new Map<string, Bell>();
  readonly #listeners = new Set<SiteEvents>();
  readonly #timer: NodeJS.Timeout;
  #disabled: ReadonlySet<string>;

  constructor(disabled: Iterable<string>) {
    this.#disabled = new Set(disabled);
    this.#timer = setInterval(() => this.#expire(), CHECK_MS);
  }

  listen(listener: SiteEvents): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A client comes, or comes back: the same folder's client takes the place of its earlier self at once, another one only
   * when the lease has run out. @throws NF_SITE_DISABLED, NF_SITE_TAKEN
   */
  open(
    { name: site, org }: { name: string; org: string },
    request: SessionRequest,
    address: string,
  ): SiteSession {
    this.#requireEnabled(site);
    const present = this.#sessions.get(site);
    if (present && present.instance !== request.instance) {
      throw flError('NF_SITE_TAKEN', { site, address: present.address, since: timeText(present.since) });
    }
    const time = new Date().toISOString();
    const session: SiteSession = {
      ...request,
      id: randomUUID(),
      site,
      org,
      address,
      since: time,
      lastSeen: time,
      seenAt: performance.now(),
      jobs: [],
    };
    this.#sessions.set(site, session);
    this.#lost.delete(site);
    this.bell(site).ring();
    for (const listener of this.#listeners) listener.connected(session);
    return session;
  }

  /** The session a request names, with its lease renewed. @throws NF_SESSION_UNKNOWN, NF_SESSION_REPLACED, NF_SITE_DISABLED */
  renew(site: string, id: string | undefined): SiteSession {
    this.#requireEnabled(site);
    const session = this.#sessions.get(site);
    if (!session) throw flError('NF_SESSION_UNKNOWN', { site });
    if (session.id !== id) throw flError('NF_SESSION_REPLACED', { site });
    session.seenAt = performance.now();
    session.lastSeen = new Date().toISOString();
    return session;
  }

  /** A client that ends in order says so. */
  close(session: SiteSession, { comesBack }: { comesBack: boolean }): void {
    if (this.#sessions.get(session.site) !== session) return;
    this.#lose(session, { why: 'left', isGone: !comesBack });
  }

  /** How far a site is with a job, sooner than it would say with its next sign of life. */
  note(site: string, phase: JobPhases[number]): void {
    const session = this.#sessions.get(site);
    if (!session) return;
    session.jobs = [...session.jobs.filter(({ job_id: id }) => id !== phase.job_id), phase];
  }

  /** Of these sites, those whose machines keep them from going on with a job, and why. */
  troubles(job: string, sites: Iterable<string>): ReadonlyMap<string, ErrorReport> {
    const found = new Map<string, ErrorReport>();
    for (const site of sites) {
      const { trouble } = this.get(site)?.jobs.find(({ job_id: id }) => id === job) ?? {};
      if (trouble) found.set(site, trouble as ErrorReport);
    }
    return found;
  }

  get(site: string): SiteSession | undefined {
    return this.#sessions.get(site);
  }

  /** Since when a site that was here is gone. */
  lostSince(site: string): string | undefined {
    return this.#lost.get(site)?.since;
  }

  /**
   * Milliseconds for which a site has been lost, since the server started if it has not come yet; endless of one that ended in
   * order.
   */
  absentFor(site: string): number {
    if (this.#sessions.has(site)) return 0;
    const lost = this.#lost.get(site);
    return lost?.isGone ? Number.POSITIVE_INFINITY : performance.now() - (lost?.at ?? this.#started);
  }

  isEnabled(site: string): boolean {
    return !this.#disabled.has(site);
  }

  /** In site order. */
  sessions(): SiteSession[] {
    return [...this.#sessions.values()].sort((a, b) => compareSites(a.site, b.site));
  }

  setEnabled(site: string, enabled: boolean): void {
    const disabled = new Set(this.#disabled);
    if (enabled) disabled.delete(site);
    else disabled.add(site);
    this.#disabled = disabled;
    const session = this.#sessions.get(site);
    if (!enabled && session) this.#lose(session, { why: 'left', isGone: true });
  }

  /** Rings when there may be news for a site. */
  bell(site: string): Bell {
    const bell = this.#bells.get(site) ?? new Bell();
    this.#bells.set(site, bell);
    return bell;
  }

  wakeAll(): void {
    for (const bell of this.#bells.values()) bell.ring();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #expire(): void {
    const oldest = performance.now() - LEASE_SECONDS * 1000;
    for (const session of this.#sessions.values())
      if (session.seenAt < oldest) this.#lose(session, { why: 'silent', isGone: false });
  }

  #lose(session: SiteSession, { why, isGone }: { why: 'silent' | 'left'; isGone: boolean }): void {
    this.#sessions.delete(session.site);
    this.#lost.set(session.site, { since: session.lastSeen, at: session.seenAt, isGone });
    this.bell(session.site).ring();
    for (const listener of this.#listeners) listener.lost(session, why);
  }

  #requireEnabled(site: string): void {
    if (this.#disabled.has(site)) throw flError('NF_SITE_DISABLED', { site });
  }
}
