import { compareText } from '../../kernel/compare-text.ts';
import { flError } from '../../kernel/errors.ts';
import { didYouMean } from '../../kernel/nearest.ts';
import { compareSites } from '../../kernel/site-order.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { LogEntries } from '../../wire/admin.ts';
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

const NO_LINES = 'the site lets no logs out (send_logs in its local/site-policy.yml), or has none';

/**
 * The lines of a job by the server's clock, and of whom there are none: no site can put a line before or after those of others.
 * @throws NF_SITE_UNKNOWN of a site that has no part in the job
 */
export async function readJobLogs(
  context: ServerContext,
  record: JobRecord,
  { site, tail, since }: LogQuery,
) {
  const present = await sitesWithLogs(context.jobs.folder(record.id));
  const { sites } = await metaOf(context, record);
  const known = [...new Set([...sites.map((one) => one.site), ...present])];
  if (site !== 'all' && site !== 'server' && !known.includes(site))
    throw flError('NF_SITE_UNKNOWN', { site, nearest: didYouMean(site, known) });
  const wanted = site === 'all' ? ['server', ...present] : [site];
  const lines: SiteLine[] = [];
  for (const name of wanted) {
    const own = name === 'server' ? serverLines(context, record) : siteLines(context, record, name);
    for await (const line of own) if (since === undefined || line.time >= since) lines.push(line);
  }
  lines.sort((a, b) => compareText(a.time, b.time) || compareSites(a.site, b.site));
  const asked = site === 'all' ? known : site === 'server' ? [] : [site];
  const missing = asked.filter((name) => !present.includes(name)).sort(compareSites);
  return { lines: lines.slice(-tail), missing: missing.map((name) => ({ site: name, reason: NO_LINES })) };
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
