import { constants } from 'node:os';
import { flError } from '../../base/errors/errors.ts';
import type { TaskOutcome } from './executor.ts';

/** How the end of a process reads as the outcome of its task. @param throughShell a shell tells of an end by a signal as 128 and its number */
export function endOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  { throughShell = false } = {},
): TaskOutcome {
  const killer = signal ?? (throughShell ? signalOf(code) : null);
  // V8 ends a process so that has no memory left.
  if (killer === 'SIGABRT') return { type: 'failure', error: flError('NF_SCRIPT_MEMORY').report() };
  if (killer !== null) return { type: 'killed', signal: killer };
  return { type: 'failure', error: flError('NF_SCRIPT_EXITED', { code: code ?? 0 }).report() };
}

/** Of the exit code of a shell: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html */
export function signalOf(code: number | null): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, number]) => 128 + number === code);
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}

/** Why a task rejects whose executor was closed. */
export function closedWhileItRan() {
  return flError('NF_INTERRUPTED', { signal: 'the end of its executor', hint: '' });
}
