import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TASK_LIMITS } from '../../../base/limits.ts';
import { jobId } from '../../../network/messages/shapes.ts';
import type { ClientFolder } from './client-folder.ts';

const ENDING = '.safetensors';

/**
 * A site's own models of jobs that are over (`workflow.local_tensors`) stay for its people, whatever becomes of the job at the server: the
 * newest of them, and the last one in any case. Files of other names are none of the client's making.
 */
export async function clearOldPersonal(
  { personalModels: root }: Pick<ClientFolder, 'personalModels'>,
  isAtHand: (job: string) => boolean,
): Promise<void> {
  const names = await readdir(root).catch(() => []);
  const over = names.filter((name) => {
    const id = name.slice(0, -ENDING.length);
    return name.endsWith(ENDING) && jobId.safeParse(id).success && !isAtHand(id);
  });
  const found = await Promise.all(
    over.map(async (name) => {
      const { mtimeMs, size } = await stat(join(root, name));
      return { path: join(root, name), at: mtimeMs, size };
    }),
  );
  const { personal_models: models, personal_bytes: most } = TASK_LIMITS;
  let bytes = 0;
  const old = found
    .sort((a, b) => b.at - a.at)
    .filter(({ size }, index) => {
      bytes += size;
      return index > 0 && (index >= models.most || bytes > most.most);
    });
  for (const { path } of old) await rm(path, { force: true });
}
