import { existsSync } from 'node:fs';
import { keepFeaturesIn } from '../learning/backbone/feature-store.ts';
import { keptFeaturesPath } from '../run/kept-features.ts';
import type { ClassTarget } from './open-target.ts';

/** Does something with the features that the simulation of a run has kept; a run from elsewhere has none beside it. */
export async function withKeptFeatures<Result>(
  { run }: Pick<ClassTarget, 'run'>,
  work: () => Promise<Result>,
): Promise<Result> {
  const path = run && keptFeaturesPath(run.folder.root);
  keepFeaturesIn(path && existsSync(path) ? path : undefined);
  try {
    return await work();
  } finally {
    keepFeaturesIn(undefined);
  }
}
