import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../kernel/parse-json.ts';
import { type LogLevel, logLevel, time } from '../../wire/shapes.ts';
import { makeFolder } from '../../workspace/files.ts';
import { entryOf } from '../../workspace/run-folder.ts';
import type { JobFolder } from '../state-folder.ts';

export interface LogLine {
  /** By the server's clock: when it happened, or when the line came. */
  readonly time: string;
  /** By the clock of the site, which may say anything. */
  readonly siteTime?: string;
  readonly level: LogLevel;
  readonly text: string;
}

/** A site that prints without end must not fill the server's disk. */
const MOST_BYTES = 20_000_000;

/** A line on disk. Before 0.2.0 the server did not note when it came. */
const storedLine = z.object({ time, level: logLevel, text: z.string(), received: time.optional() });

/** Lines a site lets the server have of a job, as JSON lines. What is over the limit is dropped. */
export async function appendSiteLog(
  folder: JobFolder,
  site: string,
  lines: readonly Omit<LogLine, 'siteTime'>[],
): Promise<void> {
  const path = logPath(folder, site);
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > MOST_BYTES) return;
  await makeFolder(dirname(path));
  const received = new Date().toISOString();
  await appendFile(path, lines.map((line) => `${JSON.stringify({ ...line, received })}\n`).join(''));
}

/** Sites of which there are lines. */
export async function sitesWithLogs(folder: JobFolder): Promise<string[]> {
  const sites = await readdir(folder.at('sites')).catch(() => []);
  const found = await Promise.all(sites.map((site) => stat(logPath(folder, site)).catch(() => undefined)));
  return sites.filter((_, index) => found[index] !== undefined);
}

export async function readSiteLog(folder: JobFolder, site: string): Promise<LogLine[]> {
  const path = logPath(folder, site);
  const text = await readFile(path, 'utf8').catch(() => '');
  const written = (await stat(path).catch(() => undefined))?.mtime.toISOString() ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => parse(line, written) ?? []);
}

function logPath(folder: JobFolder, site: string): string {
  return join(entryOf(folder.at('sites'), site), 'log.jsonl');
}

/** Undefined: a crash cut the line short. One without the time of its coming came before the file was last written. */
function parse(line: string, written: string): LogLine | undefined {
  const { success, data } = storedLine.safeParse(parseJson(line));
  if (!success) return undefined;
  const { time: siteTime, received, level, text } = data;
  return { time: received ?? (siteTime < written ? siteTime : written), siteTime, level, text };
}
