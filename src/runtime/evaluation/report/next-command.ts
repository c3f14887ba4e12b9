import { shellWord } from '../../base/text/shell-word.ts';
import type { RunCard } from '../../run/run-card.ts';
import { DEFAULT_WORKSPACE } from '../../run/run-index.ts';

/** A run by the name somebody gave it, and where it was looked for. */
export interface AskedRun {
  readonly target: string;
  readonly workspace: string;
}

/** How the run is judged; undefined where nothing but its script can: a model of its own. */
export function evaluateCommand({ job, data }: RunCard, asked: AskedRun): string | undefined {
  if ('initial_params' in job.model) return undefined;
  // Which data a run of a federation worked on is not known here.
  const on = data === null ? ' --data BIDS_FOLDER --split SPLIT_FILE' : '';
  return `${commandOn('evaluate', asked)}${on}`;
}

export function reportCommand(asked: AskedRun): string {
  return commandOn('report', asked);
}

/** A command on it, as a shell takes it. */
export function commandOn(command: string, { target, workspace }: AskedRun): string {
  const where = workspace === DEFAULT_WORKSPACE ? [] : ['--workspace', workspace];
  return ['neuroflare', ...command.split(' '), target, ...where].map((word) => shellWord(word)).join(' ');
}
