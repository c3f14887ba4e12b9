import { isFloat, type NumericArray } from '../../base/tensors/nd-array.ts';
import { closeTensorFiles, openTensorFiles, type TensorFile } from '../../base/tensors/tensor-file.ts';
import type { ResultFilter } from './filter.ts';
import { originOf } from './origin.ts';
import { changeArrays, eachSlice, writeTensors } from './write-tensors.ts';

/**
 * Clipping of an update (McMahan et al., "Learning Differentially Private Recurrent Language Models", 2018, section 2.3; Flower's
 * fixed clipping): what differs from the received model by more than `max_norm` is shrunk to it, and so is what comes beside it. Sums run in float64 in the order of the
 * file, so that the bits are the same everywhere. Arrays of integers go as they are, and count for no norm.
 */
export const normClip: ResultFilter<'norm_clip'> = {
  apply: async (answer, { max_norm: most }, { model, target, task }) =>
    changeArrays(answer, task, async (sent, name) => {
      const files = await openTensorFiles([sent.path, model]);
      try {
        const [file, base] = files;
        if (!file || !base) return sent;
        // What comes beside the model is a difference.
        const from = answer.paramsType === 'FULL' && name === 'model' ? base : undefined;
        const factor = await factorOf(most, file, from);
        if (factor === undefined) return sent;
        const origin = originOf(from);
        return await writeTensors(target(name), { file, entries: file.layout }, async (slice) => {
          if (isFloat(slice.entry)) shrink(slice.values, await origin(slice), factor);
        });
      } finally {
        await closeTensorFiles(files);
      }
    }),
};

/** What differences are multiplied by; undefined where they are small enough. */
async function factorOf(
  most: number,
  file: TensorFile,
  base: TensorFile | undefined,
): Promise<number | undefined> {
  // Squares may leave the range of float64 where what they are of does not.
  for (const scale of [1, 2 ** -600]) {
    let sum = 0;
    const origin = originOf(base);
    await eachSlice(file, file.layout.filter(isFloat), async (slice) => {
      sum = addSquares(sum, slice.values, { origin: await origin(slice), scale });
    });
    const [norm, bound] = [Math.sqrt(sum), most * scale];
    if (Number.isFinite(norm)) return norm <= bound ? undefined : bound / norm;
  }
  throw new Error('its norm is beyond all numbers');
}

// Loops of their own: within a larger function the compiler makes them slower.

function addSquares(
  sum: number,
  values: NumericArray,
  { origin, scale }: { origin: NumericArray; scale: number },
): number {
  let squares = sum;
  for (let index = 0; index < values.length; index++) {
    const difference = (values[index] ?? 0) * scale - (origin[index] ?? 0) * scale;
    squares += difference * difference;
  }
  return squares;
}

function shrink(values: NumericArray, origin: NumericArray, factor: number): void {
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    const from = origin[index] ?? 0;
    const difference = value - from;
    values[index] = Number.isFinite(difference)
      ? from + difference * factor
      : value * factor + from * (1 - factor);
  }
}
