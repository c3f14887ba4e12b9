import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { JobDefinition } from './definition.ts';
import { JOB_LIMITS } from './limits.ts';

/**
 * The file of the initial model, if it is no file of the bundle: one outside the job's folder, and one that is larger than a bundle may be.
 * It travels apart, of any size.
 */
export async function modelApart({
  folder,
  definition: { model },
}: {
  readonly folder: string;
  readonly definition: Pick<JobDefinition, 'model'>;
}): Promise<string | undefined> {
  if (model.kind !== 'initial' || typeof model.params !== 'string') return undefined;
  if (!model.params.startsWith(resolve(folder) + sep)) return model.params;
  const found = await stat(model.params).catch(() => undefined);
  return found?.isFile() && found.size > JOB_LIMITS.bytes.most ? model.params : undefined;
}

/** Whether a file lies outside a folder, by their real names: a link in the folder may lead out of it. */
export async function liesOutside(folder: string, file: string): Promise<boolean> {
  const [root, path] = await Promise.all([realpath(folder), realpath(file)]);
  return !path.startsWith(root + sep);
}
