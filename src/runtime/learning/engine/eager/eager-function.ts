import type { Tensor } from '@tensorflow/tfjs-core';
import { keep, tidy } from '@tensorflow/tfjs-core';
import { flError } from '../../../base/errors/errors.ts';
import { deriveSeed } from '../../../base/random.ts';
import type { CompiledFunction, FunctionOptions } from '../engine.ts';
import { seededNoise, withNoise } from '../noise.ts';
import { onBackend } from '../tfjs.ts';
import { flatten, type StepFunction } from '../trace/trace-function.ts';

/** Runs a function on a tfjs backend, operation by operation, with the noise of its layers seeded. */
export function eagerFunction(
  backend: string,
  work: StepFunction,
  { seed = 0 }: FunctionOptions,
): CompiledFunction {
  let calls = 0;
  let disposed = false;
  const call = async (...inputs: Tensor[]) => {
    if (disposed) throw flError('NF_ENGINE_DISPOSED');
    const source = seededNoise(deriveSeed('function', seed, calls++));
    const kept: Tensor[] = [];
    const { arrange } = onBackend(backend, () => {
      let given: ReturnType<typeof flatten> | undefined;
      tidy(() => {
        given = flatten(withNoise(source, () => work(...inputs)));
        kept.push(...given.tensors.map((result) => keep(result.clone())));
      });
      return given ?? { arrange: () => undefined };
    });
    return arrange(kept);
  };
  const dispose = () => {
    disposed = true;
  };
  return Object.assign(call, { graphCount: () => 0, dispose });
}
