import { createReadStream } from 'node:fs';
import { appendFile, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../../base/files/files.ts';
import { LOG_LIMITS } from '../../../base/limits.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { type LogLevel, logLevel } from '../../../network/messages/shapes.ts';
import { entryOf } from '../../../run/run-folder.ts';
import type { JobFolder } from '../state-folder.ts';

export interface LogLine {
  /** By the server's clock: when it happened, or when the line came. */
  readonly time: string;
  /** By the clock of the site, which may say anything. */
  readonly siteTime?: string;
  readonly level: LogLevel;
  readonly text: string;
}

/** Of a site's log: what is in it, and what is on its way into it. */
interface Room {
  bytes: number;
  lines: number;
  /** Settles when all that was reserved before is written. */
  written: Promise<void>;
}

const NEWLINE = 0x0a;
/** Kept for the line that says that there are no more. */
const LAST_BYTES = 300;
const NO_MORE = 'no further lines of this site are kept';

/** The lines that sites let the server have of one job, as JSON lines: no more bytes and lines of a site than the limits say. */
export class SiteLogs {
  readonly #folder: JobFolder;
  readonly #rooms = new Map<string, Promise<Room>>();

  constructor(folder: JobFolder) {
    this.#folder = folder;
  }

  /** What is over the limits is dropped; the last line in the log says so. */
  async append(site: string, lines: readonly Omit<LogLine, 'siteTime'>[]): Promise<void> {
    const path = logPath(this.#folder, site);
    const known = this.#rooms.get(site) ?? roomOf(path);
    this.#rooms.set(site, known);
    known.catch(() => this.#rooms.delete(site));
    const room = await known;
    // Reserved before it is written: others who come meanwhile find what is left.
    const text = reserve(room, lines);
    if (text === '') return;
    const before = room.written;
    const done = before.then(async () => {
      await makeFolder(dirname(path));
      await appendFile(path, text);
    });
    room.written = done.catch(() => undefined);
    await done;
  }
}

async function roomOf(path: string): Promise<Room> {
  let bytes = 0;
  let lines = 0;
  let end = '';
  const isThere = (await stat(path).catch(() => undefined)) !== undefined;
  if (isThere)
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      end = (end + chunk.toString('latin1')).slice(-LAST_BYTES);
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
    }
  if (end.includes(NO_MORE)) bytes = Math.max(bytes, LOG_LIMITS.site_bytes.most);
  return { bytes, lines, written: Promise.resolve() };
}

/** What there is room for, as it is written. */
function reserve(room: Room, lines: readonly Omit<LogLine, 'siteTime'>[]): string {
  const { site_bytes: most, site_lines: mostLines } = LOG_LIMITS;
  const received = new Date().toISOString();
  let text = '';
  const add = (line: object, over: number): boolean => {
    const next = `${JSON.stringify({ ...line, received })}\n`;
    const bytes = Buffer.byteLength(next);
    if (room.bytes + bytes + over > most.most || room.lines + Math.sign(over) >= mostLines.most) return false;
    room.bytes += bytes;
    room.lines++;
    text += next;
    return true;
  };
  for (const line of lines) {
    if (add(line, LAST_BYTES)) continue;
    const words = `${NO_MORE}: it has sent ${most.most.toLocaleString('en')} bytes or ${mostLines.most.toLocaleString('en')} lines`;
    add({ time: received, level: 'warn', text: words }, 0);
    // Nothing fits any more, however short it is.
    room.bytes = Math.max(room.bytes, most.most);
    break;
  }
  return text;
}

/** Sites of which there are lines. */
export async function sitesWithLogs(folder: JobFolder): Promise<string[]> {
  const sites = await readdir(folder.at('sites')).catch(() => []);
  const found = await Promise.all(sites.map((site) => stat(logPath(folder, site)).catch(() => undefined)));
  return sites.filter((_, index) => found[index] !== undefined);
}

const CHUNK = 64 * 1024;

/** The lines of a site from the newest backwards, a piece of the file at a time; those of a piece oldest first. */
export async function* siteLogBackwards(
  folder: JobFolder,
  site: string,
): AsyncGenerator<{ readonly bytes: number; readonly lines: LogLine[] }> {
  const file = await open(logPath(folder, site), 'r').catch(() => undefined);
  if (!file) return;
  try {
    const { size, mtime } = await file.stat();
    const written = mtime.toISOString();
    let rest = Buffer.alloc(0);
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - CHUNK);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      const bytes = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
      // The first line of a piece may have begun in the one before.
      const first = start === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      rest = start === 0 ? Buffer.alloc(0) : bytes.subarray(0, first === 0 ? bytes.length : first);
      const whole = start > 0 && first === 0 ? '' : bytes.toString('utf8', first);
      const lines = whole.split('\n').flatMap((line) => (line === '' ? [] : (parse(line, written) ?? [])));
      yield { bytes: bytesRead, lines };
      end = start;
    }
  } finally {
    await file.close();
  }
}

function logPath(folder: JobFolder, site: string): string {
  return join(entryOf(folder.at('sites'), site), 'log.jsonl');
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const LEVELS: ReadonlySet<unknown> = new Set(logLevel.options);
const isTime = (value: unknown): value is string => typeof value === 'string' && TIME.test(value);

/**
 * Undefined: a crash cut the line short. One without the time of its coming, which a server before 0.2.0 did not note, came before the file
 * was last written. A schema takes ten times as long, and there may be 100,000 lines.
 */
function parse(line: string, written: string): LogLine | undefined {
  const found = (parseJson(line) ?? {}) as Record<string, unknown>;
  const { time: siteTime, received, level, text } = found;
  if (!isTime(siteTime) || !LEVELS.has(level) || typeof text !== 'string') return undefined;
  if (received !== undefined && !isTime(received)) return undefined;
  const time = received ?? (siteTime < written ? siteTime : written);
  return { time, siteTime, level: level as LogLevel, text };
}
