import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { RUN_FILES } from './run-folder.ts';

/** In the folder of a run: the workspace of what it is held against. */
export const BASELINES_FOLDER = 'baselines';

/**
 * Where features of pretrained networks are kept for a run in a workspace: in the workspace, where runs of other recipes find them, too. Baselines see
 * the pictures of the run that they belong to, and share its features.
 */
export function keptFeaturesPath(run: string): string {
  const workspace = resolve(run, '..', '..');
  const owner = dirname(workspace);
  const isOfBaselines = basename(workspace) === BASELINES_FOLDER && existsSync(join(owner, RUN_FILES.card));
  return isOfBaselines ? keptFeaturesPath(owner) : join(workspace, '.features');
}
