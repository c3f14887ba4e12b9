import { tensor, type Variable } from '@tensorflow/tfjs-core';

/**
 * Gives every variable data of its own. tfjs lets tensors share data, so that two variables that were made from one tensor, or that
 * tensor and a variable, could not be told apart in a recording, which knows tensors by their data.
 */
export function ownData(variables: readonly Variable[]): void {
  for (const variable of variables) {
    const own = tensor(variable.dataSync().slice(), variable.shape, variable.dtype);
    variable.assign(own);
    own.dispose();
  }
}
