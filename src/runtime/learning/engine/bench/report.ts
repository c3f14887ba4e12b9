import { availableParallelism, cpus, loadavg } from 'node:os';
import { type BenchOptions, benchEngines } from './bench-engines.ts';
import type { BenchReport } from './report-schema.ts';

/** Benches engines and says on what; a load that is not near 0 before the bench makes the figures too low. */
export async function benchReport(options: BenchOptions): Promise<BenchReport> {
  const [load = 0] = loadavg();
  const speeds = await benchEngines(options);
  return {
    image_size: options.imageSize,
    batch_size: options.batchSize,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    load,
    engines: speeds.map(({ speed, info, ...rest }) => ({
      ...rest,
      ...(info && {
        device: info.device,
        library: info.library,
        version: info.version,
        threads: info.threads,
      }),
      ...(speed && {
        images_per_second: tenths(speed.imagesPerSecond),
        milliseconds_per_step: tenths(speed.stepMilliseconds),
        steps: speed.steps,
        compile_milliseconds: Math.round(speed.compileMilliseconds),
      }),
    })),
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
