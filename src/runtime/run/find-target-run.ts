import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { didYouMean } from '../base/text/nearest.ts';
import { type RunCard, readRunCard } from './run-card.ts';
import { RUN_FILES, type RunFolder, runFolder } from './run-folder.ts';
import { findRun, listJobs } from './run-index.ts';

export interface TargetRun {
  readonly card: RunCard;
  readonly folder: RunFolder;
}

/** The run that a folder (of a simulation or a download), `JOB` or `JOB/RUN_ID` names. @throws NF_RUN_TARGET, NF_RUN_NOT_FOUND */
export async function findTargetRun({
  target,
  run,
  workspace,
}: {
  target: string;
  /** Id of the run, where `target` is its job. */
  run?: string | undefined;
  workspace: string;
}): Promise<TargetRun> {
  const wanted = run === undefined ? target : `${target}/${run}`;
  const own = await runIn(runFolder(resolve(wanted)));
  if (own) return own;
  const [job = '', id] = wanted.split('/');
  const jobs = await listJobs(workspace);
  if (!jobs.includes(job))
    throw flError('NF_RUN_TARGET', { target: wanted, workspace, nearest: didYouMean(job, jobs) });
  const { folder } = await findRun(workspace, job, id);
  return { folder, card: await readRunCard(folder) };
}

/** The run in a folder, if it holds one. */
export async function runIn(folder: RunFolder): Promise<TargetRun | undefined> {
  const isRun = await stat(folder.at(RUN_FILES.card)).catch(() => undefined);
  return isRun && { folder, card: await readRunCard(folder) };
}
