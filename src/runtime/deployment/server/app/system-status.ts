import { partsOfTask } from '../../../algorithms/task.ts';
import { packageVersion } from '../../../base/files/package-version.ts';
import { compareSites } from '../../../base/site-order.ts';
import type { SiteState, SystemStatus } from '../../../network/messages/admin.ts';
import { PROTOCOL_VERSION } from '../../../network/messages/protocol.ts';
import type { LogLevel } from '../../../network/messages/shapes.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import type { ServerResources } from '../../../security/policy/resources.ts';
import type { ServerStore } from '../../store/server-store.ts';
import type { JobScheduler } from '../jobs/job-scheduler.ts';
import type { Access } from '../policy/access.ts';
import type { SiteRegistry, SiteSession } from '../sites/site-registry.ts';
import { certificateWarnings } from '../start-notes.ts';

/** The server as a whole, for those who steer it. */
export interface ServerControl {
  /** ISO 8601, UTC. */
  readonly started: string;
  logLevel(): LogLevel;
  setLogLevel(level: LogLevel): void;
  /** Ends the server in order, after the answer is out. */
  stop(what: 'shutdown' | 'restart'): void;
}

export interface SystemStatusDeps {
  readonly kit: Pick<OpenKit<'server'>, 'identity' | 'project' | 'expires' | 'daysLeft'>;
  readonly resources: Pick<ServerResources, 'max_jobs'>;
  readonly scheduler: Pick<JobScheduler, 'find' | 'active' | 'waitingCount'>;
  readonly registry: Pick<SiteRegistry, 'get' | 'lostSince'>;
  readonly store: Pick<ServerStore, 'sites'>;
  readonly access: Access;
  readonly control: Pick<ServerControl, 'started' | 'logLevel'>;
}

/** How the server and all sites it knows are: jobs as far as the asker may see them, addresses of the sites that are the asker's to steer. */
export async function systemStatusOf(deps: SystemStatusDeps, asker: Identity): Promise<SystemStatus> {
  const { kit, scheduler, resources, control } = deps;
  return {
    server: {
      name: kit.identity.name,
      project: kit.project,
      version: packageVersion(),
      protocol: PROTOCOL_VERSION,
      started: control.started,
      time: new Date().toISOString(),
      certificate_ends: kit.expires.toISOString(),
      days_left: kit.daysLeft,
      jobs_running: scheduler.active().length,
      jobs_waiting: scheduler.waitingCount(),
      max_jobs: resources.max_jobs,
      memory_mb: Math.round(process.memoryUsage.rss() / 1e6),
      log_level: control.logLevel(),
      warnings: certificateWarnings(kit),
    },
    sites: await siteStates(deps, asker),
  };
}

function shownPhase({ job_id, phase, task }: SiteSession['jobs'][number]): SiteState['jobs'][number] {
  return { job_id, phase, ...(task !== undefined && { round: partsOfTask(task).round }) };
}

async function siteStates(
  { access, scheduler, registry, store }: SystemStatusDeps,
  asker: Identity,
): Promise<SiteState[]> {
  const isSeen = (id: string) => {
    const run = scheduler.find(id);
    return run !== undefined && access.mayWithJob(asker, 'view', run.record);
  };
  const known = await store.sites();
  return known
    .map(({ name, org, enabled, lastSeen }) => {
      const session = registry.get(name);
      return {
        name,
        org: org === '' ? null : org,
        connected: session !== undefined,
        enabled,
        address: access.may(asker, 'operate', { siteOrg: org }) ? (session?.address ?? null) : null,
        version: session?.version ?? null,
        engine: session?.engine ?? null,
        since: session?.since ?? registry.lostSince(name) ?? null,
        last_seen: session?.lastSeen ?? registry.lostSince(name) ?? lastSeen ?? null,
        jobs: (session?.jobs ?? []).filter(({ job_id: id }) => isSeen(id)).map(shownPhase),
        resources: session?.resources ?? null,
      };
    })
    .sort((a, b) => compareSites(a.name, b.name));
}
