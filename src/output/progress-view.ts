import { SingleBar } from 'cli-progress';
import { noProgress, type Progress } from '../runtime/telemetry/progress.ts';
import { barLine } from './bar-line.ts';
import { duration } from './job-text.ts';
import { writeNote } from './terminal.ts';
import { columnsOf } from './width.ts';

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
  const bar = new SingleBar({
    format: (_, { value, total, eta }, { what }) =>
      barLine({ label: String(what), value, total, rest: timeLeft(Number(eta)) }, columnsOf(process.stderr)),
    stream: process.stderr,
    hideCursor: null,
    clearOnComplete: true,
  });
  let started = false;
  const step: Progress = ({ what, done, total }) => {
    if (!started) bar.start(total, 0, { what });
    started = done < total;
    bar.update(done, { what });
    if (!started) bar.stop();
  };
  return { step, stop: () => bar.stop() };
}

/** Before the first steps nobody can know it. */
function timeLeft(seconds: number): string {
  return Number.isFinite(seconds) && seconds > 0 ? `${duration(Math.round(seconds))} left` : '';
}

function lineView(): Progress {
  let shown = -1;
  return ({ what, done, total }) => {
    const tenth = total === 0 ? 10 : Math.floor((done / total) * 10);
    if (tenth !== shown) writeNote(`${what}: ${done} of ${total}`);
    shown = tenth;
  };
}
