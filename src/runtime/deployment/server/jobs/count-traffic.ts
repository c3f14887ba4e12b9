import type { Metrics } from '../metrics.ts';
import type { JobRun } from './job-run.ts';
import { MOVING_BYTES } from './task-movement.ts';

/** Counts the bytes of one transfer, and tells the round that the site moves. */
export function countTraffic(
  metrics: Pick<Metrics, 'modelBytes'>,
  { run, site, direction }: { run: JobRun; site: string; direction: 'in' | 'out' },
): (bytes: number) => void {
  let still = 0;
  return (bytes) => {
    run.training.traffic.count(site, direction, bytes);
    metrics.modelBytes(site, direction, bytes);
    still += bytes;
    if (still < MOVING_BYTES) return;
    run.channel.carried(site, direction, still);
    still = 0;
  };
}
