import { createRandom } from '../../src/runtime/base/random.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import type { TrainBatch } from '../../src/runtime/learning/engine/engine.ts';
import { tfl } from '../../src/runtime/learning/engine/tfjs.ts';

/** Side of the images, and how many there are in a batch. */
export const SIZE = 16;
export const BATCH = 6;

export function tinyModel(): tfl.LayersModel {
  const kernelInitializer = tfl.initializers.glorotUniform({ seed: 3 });
  return tfl.sequential({
    layers: [
      tfl.layers.averagePooling2d({ poolSize: 4, inputShape: [SIZE, SIZE, 1] }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 8, activation: 'tanh', kernelInitializer }),
      tfl.layers.dense({ units: 4, kernelInitializer }),
    ],
  });
}

/** Noise with a brighter corner that tells the class. */
export function batch(seed: number, size = BATCH): TrainBatch {
  const random = createRandom('batch', seed);
  const x = new Float32Array(size * SIZE * SIZE).map(() => random.normal() * 0.3);
  const y = new Float32Array(size * 4);
  for (let example = 0; example < size; example++) {
    const label = (example + seed) % 4;
    y[example * 4 + label] = 1;
    for (let row = 0; row < SIZE / 2; row++) {
      const start = (example * SIZE + row + (label >> 1) * (SIZE / 2)) * SIZE + (label & 1) * (SIZE / 2);
      for (let column = 0; column < SIZE / 2; column++) x[start + column] = (x[start + column] ?? 0) + 1;
    }
  }
  return { x, y, size, learningRate: 0.01, seed };
}

export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (b[index] ?? NaN))),
    0,
  );
}

export function parameterDifference(a: ParamSet, b: ParamSet): number {
  return Math.max(...Object.keys(a).map((name) => difference(a[name]?.data ?? [], b[name]?.data ?? [])));
}
