import { Args, Flags } from '@oclif/core';

/** Arguments that commands on a server's jobs share. */

export const jobArg = Args.string({ required: true, description: 'id of the job, or its beginning' });

/** Where Ctrl-C ends the watching of a job. */
export const JOB_GOES_ON =
  "The job goes on at the server: 'neuroflare job monitor JOB' watches it again, 'neuroflare job abort JOB' ends it.";

/** `--valid-days`: how long a signed job is good. */
export const validDaysFlag = Flags.integer({
  min: 1,
  max: 366,
  summary: 'days for which sites take the job and its tasks; default: 30',
});

/** `--force`: what would be asked at a terminal is not asked. */
/** Of nvflare, whose command asks the server again and again. */
export const intervalFlag = Flags.integer({
  min: 0,
  hidden: true,
  summary: 'taken as nvflare takes it, and changes nothing: news comes when there is some',
});

export const forceFlag = Flags.boolean({ summary: 'do not ask' });

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** `--workspace` of the `poc` commands. */
export const pocWorkspaceFlag = Flags.string({
  char: 'w',
  summary:
    'folder of the federation; default: NEUROFLARE_POC_WORKSPACE, else neuroflare/poc among the temporary files',
});

/** `a,b` as a list; absent is empty. */
export function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((part) => part.trim());
}
