import { Presets, SingleBar } from 'cli-progress';
import { noProgress, type Progress } from '../runtime/telemetry/progress.ts';
import { writeNote } from './terminal.ts';

export interface ProgressView {
  readonly step: Progress;
  /** Gives the terminal back as it was; a bar that is left running keeps the process alive. */
  stop(): void;
}

/** Draws steps of one long task on stderr: a bar on a terminal, about ten lines elsewhere, nothing when quiet. */
export function createProgressView(options: { quiet: boolean }): ProgressView {
  if (!options.quiet && process.stderr.isTTY) return barView();
  return { step: options.quiet ? noProgress : lineView(), stop: () => undefined };
}

function barView(): ProgressView {
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
  const step: Progress = ({ what, done, total }) => {
    if (!started) bar.start(total, 0, { what });
    started = done < total;
    bar.update(done, { what });
    if (!started) bar.stop();
  };
  return { step, stop: () => bar.stop() };
}

function lineView(): Progress {
  let shown = -1;
  return ({ what, done, total }) => {
    const tenth = total === 0 ? 10 : Math.floor((done / total) * 10);
    if (tenth !== shown) writeNote(`${what}: ${done} of ${total}`);
    shown = tenth;
  };
}
