import { counted } from '../runtime/base/text/counted.ts';
import { timeText } from '../runtime/base/text/time-text.ts';
import type { SiteState, SystemStatus } from '../runtime/network/messages/admin.ts';
import { renderTable } from './table.ts';

/** How server and sites are. */
export function renderStatus({ server, sites }: SystemStatus): string {
  const jobs = `${counted(server.jobs_running, 'job runs', 'jobs run')}, ${server.jobs_waiting} wait (at most ${server.max_jobs} at a time)`;
  return [
    `${server.name} of ${server.project}: neuroflare ${server.version}, since ${timeText(server.started)}, ${server.memory_mb} MB`,
    jobs,
    ...server.warnings.map((warning) => `warning: ${warning}`),
    '',
    sites.length === 0
      ? 'No site has connected yet.'
      : renderTable(['site', 'org', 'state', 'since', 'address', 'version', 'at work'], sites.map(siteRow)),
  ].join('\n');
}

function siteRow(site: SiteState): string[] {
  const state = site.enabled ? (site.connected ? 'connected' : 'lost') : 'disabled';
  const since = site.since ?? site.last_seen;
  const work = site.jobs.map(
    ({ job_id: id, phase, round }) => `${id.slice(0, 8)} ${phase}${round ? ` ${round}` : ''}`,
  );
  return [
    site.name,
    site.org ?? '',
    state,
    since === null ? '' : timeText(since),
    site.address ?? '',
    site.version ?? '',
    work.join(', '),
  ];
}
