import type { RunFolder } from '../../run/run-folder.ts';
import { siteLogPath } from '../../run/run-folder.ts';
import type { LogLine } from '../shown.ts';
import { TailedFile } from './tailed-file.ts';

/** `2026-11-24T10:00:00.000Z round 3: what was printed` */
const LINE = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/s;

/** What the scripts of a simulation print, over all sites by time. */
export class SiteLogs {
  readonly #files: ReadonlyMap<string, TailedFile>;

  constructor(folder: RunFolder, sites: readonly string[]) {
    this.#files = new Map(sites.map((site) => [site, new TailedFile(folder.at(siteLogPath(site)))]));
  }

  async news(): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    for (const [site, file] of this.#files)
      for (const line of await file.news()) {
        const [, time = '', text = line] = LINE.exec(line) ?? [];
        lines.push({ time, site, level: 'info', text });
      }
    return lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }
}
