import { counted } from '../../kernel/counted.ts';
import type { SiteResources } from '../../wire/site.ts';
import type { Offers } from './offers.ts';

/** What a job takes of a site. */
export interface SiteNeed {
  readonly cpus: number;
  readonly memoryGb: number;
  readonly gpus: number;
}

export interface ScheduledSite {
  readonly name: string;
  readonly resources: SiteResources;
  /** Of the jobs it takes part in. */
  readonly taken: readonly SiteNeed[];
}

/** Whether a site has room for one more job. */
export function hasRoom({ resources, taken }: ScheduledSite, need: SiteNeed): boolean {
  const sum = (value: (one: SiteNeed) => number) =>
    taken.reduce((total, one) => total + value(one), value(need));
  return (
    taken.length < resources.jobs &&
    sum(({ cpus }) => cpus) <= resources.cpus &&
    sum(({ memoryGb }) => memoryGb) <= resources.memory_gb &&
    sum(({ gpus }) => gpus) <= resources.gpus
  );
}

export interface WaitingJob {
  readonly id: string;
  readonly need: SiteNeed;
  readonly offers: Offers;
  /** Sites of its study that are not disabled. */
  readonly mayRunAt: (site: string) => boolean;
}

export interface Schedule {
  /** In this order. */
  readonly start: readonly string[];
  /** Why each of the others waits. */
  readonly reasons: ReadonlyMap<string, string>;
}

/**
 * Which waiting jobs can be offered to sites now: first come, first served, but a job that waits for a site does not keep
 * others from theirs.
 */
export function schedule(
  waiting: readonly WaitingJob[],
  { sites, running, maxJobs }: { sites: readonly ScheduledSite[]; running: number; maxJobs: number },
): Schedule {
  const start: string[] = [];
  const reasons = new Map<string, string>();
  const taken = new Map(sites.map((site) => [site.name, [...site.taken]]));
  for (const job of waiting) {
    const there = sites.filter(({ name }) => job.mayRunAt(name) && isWanted(job, name));
    const free = there.filter((site) => hasRoom({ ...site, taken: taken.get(site.name) ?? [] }, job.need));
    const names = free.map(({ name }) => name);
    const reason =
      running + start.length >= maxJobs
        ? `${running + start.length} jobs run; the server takes ${maxJobs} at a time`
        : lackOf(job, { names, there: there.length });
    if (reason !== undefined) {
      reasons.set(job.id, reason);
      continue;
    }
    start.push(job.id);
    for (const name of job.offers.askedOf(names)) taken.get(name)?.push(job.need);
  }
  return { start, reasons };
}

function isWanted({ offers }: WaitingJob, site: string): boolean {
  return offers.rules.named?.includes(site) ?? true;
}

function lackOf(
  { offers }: WaitingJob,
  { names, there }: { names: readonly string[]; there: number },
): string | undefined {
  const missing = offers.rules.mandatory.filter((site) => !names.includes(site));
  if (missing.length > 0) return `it waits for ${missing.join(', ')}`;
  const least = offers.least();
  if (names.length >= least) return undefined;
  const busy = there > names.length ? `, ${there - names.length} more have no room for it` : '';
  return `it needs ${counted(least, 'site')}; ${names.length} can take it${busy}`;
}
