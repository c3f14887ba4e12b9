import { stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { type Bundle, readBundle } from '../job/bundle.ts';
import { type LoadedJob, loadJob } from '../job/load.ts';
import { checkScript } from '../job/script.ts';
import { flError } from '../kernel/errors.ts';
import { checkModelSpec } from './prepare-job.ts';

/**
 * A job in a folder of its own, far from where it was written: everything that can be checked of it without data.
 * @throws NF_JOB_* with the line
 */
export async function loadSubmittedJob(
  folder: string,
  { modelComesApart }: { modelComesApart: boolean },
): Promise<{ job: LoadedJob; bundle: Bundle }> {
  const job = await loadJob(folder);
  const bundle = await readBundle(folder);
  checkScript(job, bundle);
  checkModelSpec(job);
  const { model } = job.definition;
  if (model.kind === 'initial' && typeof model.params === 'string' && !modelComesApart)
    await requireInside(job, model.params);
  return { job, bundle };
}

/** Whether the initial model is a file outside the job's folder. */
export function modelOutside({ folder, definition: { model } }: LoadedJob): string | undefined {
  if (model.kind !== 'initial' || typeof model.params !== 'string') return undefined;
  return model.params.startsWith(resolve(folder) + sep) ? undefined : model.params;
}

async function requireInside(job: LoadedJob, path: string): Promise<void> {
  const isThere = modelOutside(job) === undefined && (await stat(path).catch(() => undefined))?.isFile();
  if (isThere) return;
  const params = { what: 'The initial model', path };
  throw flError('NF_JOB_DATA', params, { place: job.source.place(['model', 'initial_params']) });
}
