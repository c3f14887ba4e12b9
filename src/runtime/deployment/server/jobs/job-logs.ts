import { setImmediate as nextTurn } from 'node:timers/promises';
import { flError } from '../../../base/errors/errors.ts';
import { LOG_LIMITS } from '../../../base/limits.ts';
import { compareSites } from '../../../base/site-order.ts';
import { compareText } from '../../../base/text/compare-text.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import type { LogEntries } from '../../../network/messages/admin.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';
import type { StateFolder } from '../state-folder.ts';
import { type JobViewDeps, metaOf } from './job-view.ts';
import { lineOf } from './server-log.ts';
import { siteLogBackwards, sitesWithLogs } from './site-logs.ts';

export interface JobLogDeps extends JobViewDeps {
  readonly state: StateFolder;
  readonly store: JobViewDeps['store'] & Pick<ServerStore, 'journal'>;
}

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
 * The newest lines of a job by the server's clock, and of whom there are none: no site can put a line before or after those of others. They
 * are read from the end and in pieces, so that the server answers others meanwhile.
 * @throws NF_SITE_UNKNOWN of a site that has no part in the job
 */
export async function readJobLogs(
  deps: JobLogDeps,
  record: JobRecord,
  { site, tail, since }: LogQuery,
): Promise<LogEntries> {
  const folder = deps.state.job(record.id);
  const present = await sitesWithLogs(folder);
  const { sites } = await metaOf(deps, record);
  const known = [...new Set([...sites.map((one) => one.site), ...present])];
  if (site !== 'all' && site !== 'server' && !known.includes(site))
    throw flError('NF_SITE_UNKNOWN', { site, nearest: didYouMean(site, known) });
  const newest = new NewestLines(tail, since);
  if (site === 'all' || site === 'server')
    await addServerLines(newest, { store: deps.store, id: record.id, tail });
  for (const name of site === 'all' ? present : [site])
    if (name !== 'server')
      for await (const lines of siteLogBackwards(folder, name)) {
        newest.read += lines.bytes;
        const own = lines.lines.map(({ siteTime, ...line }) => ({
          site: name,
          ...line,
          ...(siteTime !== undefined && { site_time: siteTime }),
        }));
        if (!newest.add(own)) break;
      }
  const asked = site === 'all' ? known : site === 'server' ? [] : [site];
  const missing = asked.filter((name) => !present.includes(name)).sort(compareSites);
  return {
    lines: newest.lines,
    missing: missing.map((name) => ({ site: name, reason: NO_LINES })),
    ...(newest.isCut && { cut: true }),
  };
}

/** The entries as JSON, written in pieces. */
export async function logText({ lines, ...entries }: LogEntries): Promise<string> {
  const parts: string[] = [];
  for (let at = 0; at < lines.length; at += PAGE) {
    parts.push(...lines.slice(at, at + PAGE).map((line) => JSON.stringify(line)));
    await nextTurn();
  }
  return `{"lines":[${parts.join(',')}],${JSON.stringify(entries).slice(1)}`;
}

/** The journal is kept from its beginning on, and read so. */
async function addServerLines(
  newest: NewestLines,
  { store, id, tail }: Pick<JobLogDeps, 'store'> & { id: string; tail: number },
): Promise<void> {
  let own: SiteLine[] = [];
  let seen = 0;
  for await (const entry of store.journal(id).read()) {
    const line = lineOf(entry);
    if (line) own.push({ site: 'server', ...line });
    if (own.length >= 2 * tail + PAGE) own = own.slice(-tail);
    if (++seen % PAGE === 0) await nextTurn();
  }
  newest.add(own.slice(-tail));
}

/** Events, or lines, that are handled at a time. */
const PAGE = 500;

const inOrder = (a: SiteLine, b: SiteLine) => compareText(a.time, b.time) || compareSites(a.site, b.site);

/** The newest lines of all that were added, oldest first: no more than were asked for, and than an answer may have. */
class NewestLines {
  lines: SiteLine[] = [];
  /** Lines that were asked for are not here, for the size of the answer or of what was read for it. */
  isCut = false;
  /** Bytes that were read. */
  read = 0;
  readonly #tail: number;
  readonly #since: string | undefined;
  #bytes = 0;

  constructor(tail: number, since: string | undefined) {
    this.#tail = tail;
    this.#since = since;
  }

  /** @returns whether older lines of the same log may be among the newest, too */
  add(piece: readonly SiteLine[]): boolean {
    const from = this.#floor();
    const own = piece.filter(({ time }) => from === undefined || time >= from);
    if (own.length > 0) {
      this.lines = merged(this.lines, own.sort(inOrder));
      this.#bytes += own.reduce((sum, line) => sum + sizeOf(line), 0);
      this.#cut();
    }
    if (this.read > LOG_LIMITS.question_bytes.most) this.isCut = true;
    return !(piece.length > 0 && own.length === 0) && this.read <= LOG_LIMITS.question_bytes.most;
  }

  /** Lines of before are not wanted. */
  #floor(): string | undefined {
    const oldest = this.lines[0]?.time;
    const isFull = this.lines.length >= this.#tail || this.isCut;
    if (!isFull || oldest === undefined) return this.#since;
    return this.#since !== undefined && this.#since > oldest ? this.#since : oldest;
  }

  #cut(): void {
    let first = Math.max(0, this.lines.length - this.#tail);
    for (let index = 0; index < first; index++) this.#bytes -= sizeOf(this.lines[index]);
    for (; this.#bytes > LOG_LIMITS.answer_bytes.most; first++) {
      this.#bytes -= sizeOf(this.lines[first]);
      this.isCut = true;
    }
    if (first > 0) this.lines = this.lines.slice(first);
  }
}

/** Bytes of a line in an answer. */
function sizeOf(line: SiteLine | undefined): number {
  return line ? Buffer.byteLength(JSON.stringify(line)) + 1 : 0;
}

/** Of two lists that are in order; what is equal comes from `others` first, which is read from the newer end. */
function merged(lines: readonly SiteLine[], others: readonly SiteLine[]): SiteLine[] {
  const all: SiteLine[] = [];
  let at = 0;
  for (const line of lines) {
    for (let next = others[at]; next && inOrder(next, line) <= 0; next = others[at]) {
      all.push(next);
      at++;
    }
    all.push(line);
  }
  for (; at < others.length; at++) all.push(others[at] as SiteLine);
  return all;
}
