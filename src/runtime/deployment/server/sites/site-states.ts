import { packageVersion } from '../../../base/files/package-version.ts';
import { compareSites } from '../../../base/site-order.ts';
import { counted } from '../../../base/text/counted.ts';
import { shellWord } from '../../../base/text/shell-word.ts';
import type { SiteState, SystemStatus } from '../../../network/messages/admin.ts';
import { PROTOCOL_VERSION } from '../../../network/messages/protocol.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { isoDay } from '../../../security/certificate/iso-day.ts';
import { WARN_DAYS } from '../../../security/kit/verify.ts';
import type { ServerContext } from '../context.ts';

/** How the server and all sites it knows are: jobs as far as the asker may see them, addresses of the sites that are the asker's to steer. */
export async function systemStatusOf(context: ServerContext, asker: Identity): Promise<SystemStatus> {
  const { kit, jobs, resources, started } = context;
  return {
    server: {
      name: kit.identity.name,
      project: kit.project,
      version: packageVersion(),
      protocol: PROTOCOL_VERSION,
      started,
      time: new Date().toISOString(),
      certificate_ends: kit.expires.toISOString(),
      days_left: kit.daysLeft,
      jobs_running: jobs.active().length,
      jobs_waiting: jobs.waitingCount(),
      max_jobs: resources.max_jobs,
      memory_mb: Math.round(process.memoryUsage.rss() / 1e6),
      log_level: context.logLevel(),
      warnings: certificateWarnings(kit),
    },
    sites: await siteStates(context, asker),
  };
}

/** From 30 days ahead. */
export function certificateWarnings({ daysLeft, expires, identity }: ServerContext['kit']): string[] {
  if (daysLeft > WARN_DAYS) return [];
  const renew = `neuroflare provision --workspace WORKSPACE --renew ${shellWord(identity.name)}`;
  return [`The server's certificate ends in ${counted(daysLeft, 'day')}, on ${isoDay(expires)}: ${renew}`];
}

async function siteStates(
  { access, jobs, registry, store }: ServerContext,
  asker: Identity,
): Promise<SiteState[]> {
  const isSeen = (id: string) => {
    const run = jobs.find(id);
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
        jobs: (session?.jobs ?? []).filter(({ job_id: id }) => isSeen(id)),
        resources: session?.resources ?? null,
      };
    })
    .sort((a, b) => compareSites(a.name, b.name));
}
