import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder, syncFolder } from '../../runtime/base/files/files.ts';
import type { Progress } from '../../runtime/base/logging/progress.ts';
import { requireAbsent } from '../bids/check-places.ts';
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
 * Makes a BIDS data set of simulated heads. It is built in a sibling folder and renamed at the end, so a failure or an
 * abort leaves nothing. The recipe alone fixes every byte (with one version of neuroflare and Node on one platform).
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
  await makeFolder(dirname(target));
  const folder = join(
    dirname(target),
    `.${basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`,
  );
  try {
    await writeFrame(folder, { recipe, participants });
    const tasks = participants.map((participant) => ({ folder, recipe, participant }));
    let done = 0;
    const onDone = () => progress({ what: 'volumes', done: ++done, total: tasks.length });
    await runInThreads(tasks, { jobs, signal, onDone, run: writeExamination });
    signal.throwIfAborted();
    await rename(folder, target);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(dirname(target));
  const { sites, perClass, seed } = recipe;
  return { path: target, participants: participants.length, sites, perClass, seed, shape: gridOf(recipe) };
}
