import { SingleBar } from 'cli-progress';
import { noProgress, type Progress } from '../runtime/base/logging/progress.ts';
import { barLine } from './bar-line.ts';
import { duration } from './job-text.ts';
import { sizeText } from './size-text.ts';
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
    format: (_, { value, total, eta }, { what, unit }) =>
      barLine(
        { label: String(what), value, total, unit, rest: timeLeft(Number(eta)) },
        columnsOf(process.stderr),
      ),
    stream: process.stderr,
    hideCursor: null,
    clearOnComplete: true,
  });
  let started = false;
  const step: Progress = ({ what, done, total, unit }) => {
    if (!started) bar.start(total, 0, { what, unit });
    started = done < total;
    bar.update(done, { what, unit });
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
  return ({ what, done, total, unit }) => {
    const show = unit === 'bytes' ? sizeText : String;
    const tenth = total === 0 ? 10 : Math.floor((done / total) * 10);
    if (tenth !== shown) writeNote(`${what}: ${show(done)} of ${show(total)}`);
    shown = tenth;
  };
}
