import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { CompiledModel } from '../../engine/engine.ts';

/** Compiled models kept for later tasks; one job uses one or two. */
const KEPT = 4;

interface Idle {
  readonly key: string;
  readonly compiled: CompiledModel;
}

const idle: Idle[] = [];
let busy: (Idle | { readonly key: undefined; readonly compiled: CompiledModel })[] = [];
let unused = new Set<LayersModel>();

/** Notes a model of this task, so that it is disposed of with the task if nobody compiles it. */
export function adoptModel(model: LayersModel): void {
  unused.add(model);
}

/**
 * A compiled model for this task: one that an earlier task left, if the key is the same, else a new one. Its parameters
 * and optimizer are those of the last use: set them before anything else.
 * @param key what the compiled graph follows from; undefined where that is not known
 */
export async function leaseCompiled(
  model: LayersModel,
  key: string | undefined,
  make: () => Promise<CompiledModel>,
): Promise<CompiledModel> {
  const found = key === undefined ? -1 : idle.findIndex((entry) => entry.key === key);
  const [entry = { key, compiled: await make() }] = found < 0 ? [] : idle.splice(found, 1);
  if (found < 0) unused.delete(model);
  busy.push(entry);
  return entry.compiled;
}

/**
 * For the runner, after each task: what the task compiled is free for the next one. A thread that runs thousands of
 * tasks so compiles each graph once and its memory does not grow.
 */
export function releaseTrainers(): void {
  for (const model of unused) model.dispose();
  unused = new Set();
  for (const { key, compiled } of busy) {
    if (key === undefined) compiled.dispose();
    else idle.unshift({ key, compiled });
  }
  busy = [];
  for (const { compiled } of idle.splice(KEPT)) compiled.dispose();
}
