import { counted } from '../../../base/text/counted.ts';
import type { SiteResources } from '../../../network/messages/site.ts';
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
export function hasRoom(site: ScheduledSite, need: SiteNeed): boolean {
  return lackAt(site, need) === undefined;
}

/** What a site lacks for one more job. */
function lackAt({ resources, taken }: ScheduledSite, need: SiteNeed): string | undefined {
  if (taken.length >= resources.jobs)
    return `runs ${taken.length} of ${counted(resources.jobs, 'job')} that it takes at a time`;
  const kinds = [
    { what: 'GPUs', all: resources.gpus, of: ({ gpus }: SiteNeed) => gpus },
    { what: 'cores', all: resources.cpus, of: ({ cpus }: SiteNeed) => cpus },
    { what: 'GB of memory', all: resources.memory_gb, of: ({ memoryGb }: SiteNeed) => memoryGb },
  ];
  for (const { what, all, of } of kinds) {
    const used = taken.reduce((total, one) => total + of(one), 0);
    if (used + of(need) <= all) continue;
    const left =
      used === 0 ? `${rounded(all)} ${what}` : `${rounded(all - used)} of ${rounded(all)} ${what} left`;
    return `has ${left}, the job takes ${rounded(of(need))}`;
  }
  return undefined;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
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
        ? `${counted(running + start.length, 'job runs', 'jobs run')}; the server takes ${maxJobs} at a time`
        : lackOf(job, {
            names,
            sites: sites.map((site) => ({ ...site, taken: taken.get(site.name) ?? [] })),
          });
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

/** Why a job waits: how many sites it needs, and what is missing where. */
function lackOf(
  job: WaitingJob,
  { names, sites }: { names: readonly string[]; sites: readonly ScheduledSite[] },
): string | undefined {
  const { offers } = job;
  const missing = offers.rules.mandatory.filter((site) => !names.includes(site));
  const least = offers.least();
  if (missing.length === 0 && names.length >= least) return undefined;
  const expected = [...new Set([...(offers.rules.named ?? []), ...offers.rules.mandatory])];
  const whys = [
    ...expected
      .filter((name) => !sites.some((site) => site.name === name))
      .map((name) => `${name} is not connected`),
    ...sites.flatMap((site) => {
      if (!isWanted(job, site.name)) return [];
      if (!job.mayRunAt(site.name))
        return expected.includes(site.name) ? [`${site.name} is disabled or not in the study`] : [];
      const lack = lackAt(site, job.need);
      return lack === undefined ? [] : [`${site.name} ${lack}`];
    }),
  ];
  const why = whys.length === 0 ? '' : `: ${listed(whys)}`;
  if (missing.length > 0) return `it waits for ${missing.join(', ')}${why}`;
  return `it needs ${counted(least, 'site')}; ${names.length} can take it${why}`;
}

const MOST_LISTED = 4;

function listed(whys: readonly string[]): string {
  const more = whys.length - MOST_LISTED;
  return more > 0 ? `${whys.slice(0, MOST_LISTED).join('; ')}; and ${more} more` : whys.join('; ');
}
