import { Presets, SingleBar } from 'cli-progress';
import { noProgress, type Progress } from '../runtime/telemetry/progress.ts';

/** Draws steps of one long task on stderr: a bar on a terminal, about ten lines elsewhere, nothing when quiet. */
export function createProgressView(options: { quiet: boolean }): Progress {
  if (options.quiet) return noProgress;
  return process.stderr.isTTY ? barView() : lineView();
}

function barView(): Progress {
  const bar = new SingleBar(
    {
      format: '{what} [{bar}] {value}/{total} {eta_formatted}',
      stream: process.stderr,
      hideCursor: null,
      clearOnComplete: true,
    },
    Presets.shades_grey,
  );
  let started = false;
  return ({ what, done, total }) => {
    if (!started) bar.start(total, 0, { what });
    started = done < total;
    bar.update(done, { what });
    if (!started) bar.stop();
  };
}

function lineView(): Progress {
  let shown = -1;
  return ({ what, done, total }) => {
    const tenth = total === 0 ? 10 : Math.floor((done / total) * 10);
    if (tenth !== shown) process.stderr.write(`${what}: ${done} of ${total}\n`);
    shown = tenth;
  };
}
