import { compareText } from '../../kernel/compare-text.ts';
import { compareSites } from '../../kernel/site-order.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { JobMeta, LogEntries } from '../../wire/admin.ts';
import type { ServerContext } from '../context.ts';
import { metaOf } from './job-view.ts';
import { lineOf } from './server-log.ts';
import { readSiteLog, sitesWithLogs } from './site-logs.ts';

export interface LogQuery {
  /** `server`, `all`, or the name of a site. */
  readonly site: string;
  /** The newest so many lines. */
  readonly tail: number;
  /** ISO 8601. */
  readonly since?: string | undefined;
}

type SiteLine = LogEntries['lines'][number];

/** The lines of a job by the server's clock, and of whom there are none: no site can put a line before or after those of others. */
export async function readJobLogs(
  context: ServerContext,
  record: JobRecord,
  { site, tail, since }: LogQuery,
) {
  const present = await sitesWithLogs(context.jobs.folder(record.id));
  const wanted = site === 'all' ? ['server', ...present] : [site];
  const lines: SiteLine[] = [];
  for (const name of wanted) {
    const own = name === 'server' ? serverLines(context, record) : siteLines(context, record, name);
    for await (const line of own) if (since === undefined || line.time >= since) lines.push(line);
  }
  lines.sort((a, b) => compareText(a.time, b.time) || compareSites(a.site, b.site));
  return { lines: lines.slice(-tail), missing: await missingOf(context, record, { site, present }) };
}

async function missingOf(
  context: ServerContext,
  record: JobRecord,
  { site, present }: { site: string; present: readonly string[] },
) {
  const { sites } = await metaOf(context, record);
  const asked = site === 'all' ? sites.map((one) => one.site) : site === 'server' ? [] : [site];
  return asked
    .filter((name) => !present.includes(name))
    .sort(compareSites)
    .map((name) => ({ site: name, reason: reasonOf(sites, name) }));
}

function reasonOf(sites: JobMeta['sites'], name: string): string {
  if (!sites.some(({ site }) => site === name)) return 'the site has no part in the job';
  return 'the site lets no logs out (send_logs in its local/site-policy.yml), or has none';
}

async function* serverLines({ store }: ServerContext, { id }: JobRecord): AsyncGenerator<SiteLine> {
  for await (const entry of store.journal(id).read()) {
    const line = lineOf(entry);
    if (line) yield { site: 'server', ...line };
  }
}

async function* siteLines(
  { jobs }: ServerContext,
  { id }: JobRecord,
  site: string,
): AsyncGenerator<SiteLine> {
  for (const { siteTime, ...line } of await readSiteLog(jobs.folder(id), site))
    yield { site, ...line, ...(siteTime !== undefined && { site_time: siteTime }) };
}
