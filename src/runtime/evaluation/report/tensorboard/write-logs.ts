import { join } from 'node:path';
import { writeInside } from '../../../base/files/no-links.ts';
import type { MetricReport } from '../../../base/logging/metrics.ts';
import { cut, printable } from '../../../base/text/printable.ts';
import { entryOf } from '../../../run/run-folder.ts';
import type { RoundLine } from '../gather.ts';
import { encodeEvents, type Scalar } from './event-file.ts';

/** Of a name in a tag: longer ones break the page of TensorBoard. */
const MOST_CHARACTERS = 100;

/**
 * One TensorBoard log a site and one of all sites, so that `tensorboard --logdir` draws a line for each: every number of the metrics,
 * step r being global model r. Equal runs give equal files.
 */
export async function writeTensorboard(
  { root, below }: { root: string; below: string },
  rounds: readonly RoundLine[],
  created: string,
): Promise<void> {
  const sites = [...new Set(rounds.flatMap((line) => Object.keys(line.sites)))];
  const logs: [string, Scalar[]][] = [
    ['all-sites', rounds.flatMap(({ model, metrics }) => scalarsOf(metrics, model))],
    ...sites.map((site): [string, Scalar[]] => [
      site,
      rounds.flatMap((line) => scalarsOf(line.sites[site]?.metrics ?? {}, line.model)),
    ]),
  ];
  const seconds = Math.floor(Date.parse(created) / 1000);
  for (const [name, scalars] of logs) {
    const file = `events.out.tfevents.${seconds}.neuroflare`;
    await writeInside(root, join(entryOf(below, name), file), encodeEvents(scalars, seconds));
  }
}

function scalarsOf(metrics: MetricReport, step: number, prefix = ''): Scalar[] {
  return Object.entries(metrics).flatMap(([name, value]) => {
    const tag = `${prefix}${cut(printable(name), MOST_CHARACTERS)}`;
    if (typeof value === 'number') return [{ tag, step, value }];
    const nested = value !== null && typeof value === 'object' && !Array.isArray(value);
    return nested ? scalarsOf(value as MetricReport, step, `${tag}/`) : [];
  });
}
