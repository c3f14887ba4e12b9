import { resolve } from 'node:path';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { requireAbsent } from '../bids/check-places.ts';
import { makeWholeFolder } from '../bids/whole-folder.ts';
import { writeFrame } from './dataset.ts';
import { writeExamination } from './examination.ts';
import { gridOf, type PhantomRecipe, planParticipants } from './plan.ts';
import { runInThreads } from './threads.ts';

export interface PhantomOptions extends PhantomRecipe {
  /** Folder to make; must not exist. */
  readonly target: string;
  /** Threads; the result does not depend on it. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface PhantomResult {
  readonly path: string;
  readonly participants: number;
  readonly sites: number;
  readonly perClass: number;
  readonly seed: number;
  /** Voxels along right, anterior, superior; images are stored in their scanner's orientation. */
  readonly shape: readonly [number, number, number];
}

/**
 * Makes a BIDS data set of simulated heads. A failure or an abort leaves nothing. The recipe alone fixes every byte (with one version of neuroflare and Node on one platform).
 * @throws NF_PATH_EXISTS; the signal's reason when aborted
 */
export async function generatePhantom(options: PhantomOptions): Promise<PhantomResult> {
  const { jobs, signal, progress } = options;
  const target = resolve(options.target);
  await requireAbsent('Folder', options.target);
  const recipe: PhantomRecipe = {
    sites: options.sites,
    perClass: options.perClass,
    size: options.size,
    seed: options.seed,
  };
  const participants = planParticipants(recipe);
  await makeWholeFolder(target, signal, async (folder) => {
    await writeFrame(folder, { recipe, participants });
    const tasks = participants.map((participant) => ({ folder, recipe, participant }));
    let done = 0;
    const onDone = () => progress({ what: 'volumes', done: ++done, total: tasks.length });
    await runInThreads(tasks, { jobs, signal, onDone, run: writeExamination });
  });
  const { sites, perClass, seed } = recipe;
  return { path: target, participants: participants.length, sites, perClass, seed, shape: gridOf(recipe) };
}
