import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogLevel } from '../../wire/shapes.ts';
import { makeFolder } from '../../workspace/files.ts';
import type { JobFolder } from '../state-folder.ts';

export interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  readonly text: string;
}

/** A site that prints without end must not fill the server's disk. */
const MOST_BYTES = 20_000_000;

/** Lines a site lets the server have of a job, as JSON lines. What is over the limit is dropped. */
export async function appendSiteLog(
  folder: JobFolder,
  site: string,
  lines: readonly LogLine[],
): Promise<void> {
  const path = logPath(folder, site);
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > MOST_BYTES) return;
  await makeFolder(dirname(path));
  await appendFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Sites of which there are lines. */
export async function sitesWithLogs(folder: JobFolder): Promise<string[]> {
  const sites = await readdir(folder.at('sites')).catch(() => []);
  const found = await Promise.all(sites.map((site) => stat(logPath(folder, site)).catch(() => undefined)));
  return sites.filter((_, index) => found[index] !== undefined);
}

export async function readSiteLog(folder: JobFolder, site: string): Promise<LogLine[]> {
  const text = await readFile(logPath(folder, site), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => parse(line) ?? []);
}

function logPath(folder: JobFolder, site: string): string {
  return folder.at(`sites/${site}/log.jsonl`);
}

function parse(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    // A line that a crash cut short.
    return undefined;
  }
}
