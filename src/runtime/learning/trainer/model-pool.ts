import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { CompiledFunction, CompiledModel } from '../engine/engine.ts';

/** Compiled models kept for later tasks; one job uses one or two. */
const KEPT = 4;

interface Pooled<Key> {
  readonly key: Key;
  readonly compiled: CompiledModel;
}

/** Last used first. */
let idle: Pooled<string>[] = [];
let busy: Pooled<string | undefined>[] = [];
let unused = new Set<LayersModel>();
let functions: CompiledFunction[] = [];

/** Notes a model of this task, so that it is disposed of with the task if nobody compiles it. */
export function adoptModel(model: LayersModel): void {
  unused.add(model);
}

/** Notes a compiled function of this task: what it holds is given back with the task. */
export function adoptFunction(compiled: CompiledFunction): void {
  functions.push(compiled);
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
  const found = key === undefined ? undefined : idle.find((entry) => entry.key === key);
  if (found) idle = idle.filter((entry) => entry !== found);
  const leased = found ?? { key, compiled: await make() };
  if (!found) unused.delete(model);
  busy.push(leased);
  return leased.compiled;
}

/**
 * For the runner, after each task: what the task compiled is free for the next one. A thread that runs thousands of
 * tasks so compiles each graph once and its memory does not grow.
 */
export function releaseTrainers(): void {
  for (const model of unused) model.dispose();
  unused = new Set();
  for (const compiled of functions) compiled.dispose();
  functions = [];
  for (const { key, compiled } of busy) {
    if (key === undefined) compiled.dispose();
    else idle.unshift({ key, compiled });
  }
  busy = [];
  for (const { compiled } of idle.splice(KEPT)) compiled.dispose();
}
