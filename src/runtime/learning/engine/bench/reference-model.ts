import { createRandom } from '../../../base/random.ts';
import type { TrainBatch } from '../engine.ts';
import { tfl } from '../tfjs.ts';

export interface BenchSizes {
  /** Rows and columns of an image, at least 8. */
  readonly imageSize: number;
  readonly batchSize: number;
}

const CLASSES = 4;

/** Four convolutions with ReLU, max pooling after the first three, two dense layers: 105,668 weights. */
export function referenceModel(imageSize: number): tfl.LayersModel {
  const { conv2d, dense, globalAveragePooling2d, maxPooling2d } = tfl.layers;
  const kernelInitializer = tfl.initializers.heNormal({ seed: 1 });
  const convolution = (filters: number) =>
    ({ filters, kernelSize: 3, padding: 'same', activation: 'relu', kernelInitializer }) as const;
  return tfl.sequential({
    layers: [
      conv2d({ ...convolution(16), inputShape: [imageSize, imageSize, 1] }),
      maxPooling2d({ poolSize: 2 }),
      conv2d(convolution(32)),
      maxPooling2d({ poolSize: 2 }),
      conv2d(convolution(64)),
      maxPooling2d({ poolSize: 2 }),
      conv2d(convolution(128)),
      globalAveragePooling2d({}),
      dense({ units: 64, activation: 'relu', kernelInitializer }),
      dense({ units: CLASSES, kernelInitializer }),
    ],
  });
}

/** A batch of noise; how long a step takes does not depend on what the images show. */
export function referenceBatch({ imageSize, batchSize }: BenchSizes): TrainBatch {
  const random = createRandom('bench');
  const x = new Float32Array(batchSize * imageSize ** 2).map(() => random.normal());
  const y = new Float32Array(batchSize * CLASSES);
  for (let row = 0; row < batchSize; row++) y[row * CLASSES + (row % CLASSES)] = 1;
  return { x, y, size: batchSize, learningRate: 1e-3, seed: 1 };
}
