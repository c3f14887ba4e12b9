import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isDataset } from '../../../preprocess/bids/participants.ts';
import { flError } from '../../base/errors/errors.ts';
import { isThere } from '../../base/files/is-there.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { findTargetRun, runIn, type TargetRun } from '../../run/find-target-run.ts';
import { runFolder } from '../../run/run-folder.ts';
import { listJobs } from '../../run/run-index.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, type Evaluation, readEvaluation } from '../result.ts';

/** What is looked at: a data set, and the run that was trained on it. */
export interface ViewTarget {
  readonly root: string;
  readonly run: TargetRun | undefined;
  /** Folder of a table of quality beside the data set. */
  readonly quality: string | undefined;
}

export interface ViewWish {
  /** Folder of a data set, `JOB`, `JOB/RUN_ID` or a run's folder. */
  readonly target: string;
  readonly workspace: string;
  /** Data set to show in place of that of the run. */
  readonly data: string | undefined;
  /** What `preprocess quality` wrote. */
  readonly quality: string | undefined;
}

/** @throws NF_VIEW_TARGET, NF_VIEW_NO_DATA, NF_PATH_MISSING, NF_RUN_*, NF_EVALUATE_FILE */
export async function openViewTarget({ target, workspace, data, quality }: ViewWish): Promise<ViewTarget> {
  const run = await runOf(target, workspace);
  const own = run && ((await evaluationOf(run))?.data.root ?? run.card.data?.root);
  const root = data ?? (run ? own : target);
  if (root === undefined)
    throw flError(
      'NF_VIEW_NO_DATA',
      { run: basename(run?.folder.root ?? target) },
      { place: { key: 'data' } },
    );
  await requireFolder('Data set', root);
  if (quality !== undefined) await requireFolder('Folder of quality', quality);
  return { root: resolve(root), run, quality };
}

async function requireFolder(what: string, path: string): Promise<void> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory())
    throw flError('NF_PATH_MISSING', { what, path }, { place: { file: path } });
}

/** What `evaluate` found about a run; undefined where it was not judged. @throws NF_EVALUATE_FILE */
export async function evaluationOf({ folder }: TargetRun): Promise<Evaluation | undefined> {
  const path = join(folder.at(EVALUATION_FOLDER), EVALUATION_FILE);
  return isThere(path) ? readEvaluation(path) : undefined;
}

async function runOf(target: string, workspace: string): Promise<TargetRun | undefined> {
  const own = await runIn(runFolder(resolve(target)));
  if (own) return own;
  if (await isDataset(target)) return undefined;
  const jobs = await listJobs(workspace);
  const [job = ''] = target.split('/');
  if (jobs.includes(job)) return findTargetRun({ target, workspace });
  const params = { target, workspace, nearest: didYouMean(job, jobs) };
  throw flError('NF_VIEW_TARGET', params, { place: { file: target } });
}
