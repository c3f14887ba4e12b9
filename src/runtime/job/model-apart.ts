import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { type JobDefinition, NETWORK_TYPE } from './definition.ts';
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
  const path = fileOf(model);
  if (path === undefined) return undefined;
  if (!path.startsWith(resolve(folder) + sep)) return path;
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() && found.size > JOB_LIMITS.bytes.most ? path : undefined;
}

/** A file that holds the model as it travels; of an import, one whose arrays need no other order. */
function fileOf(model: JobDefinition['model']): string | undefined {
  if (model.kind === 'initial') return typeof model.params === 'string' ? model.params : undefined;
  // A network that stays as it is lies with the job, at each site.
  const isTrained = model.spec.type !== NETWORK_TYPE;
  return isTrained && model.importFrom?.endsWith('.safetensors') ? model.importFrom : undefined;
}

/** Whether a file lies outside a folder, by their real names: a link in the folder may lead out of it. */
export async function liesOutside(folder: string, file: string): Promise<boolean> {
  const [root, path] = await Promise.all([realpath(folder), realpath(file)]);
  return !path.startsWith(root + sep);
}
