import { add, addN, logSoftmax, mul, neg, type Scalar, sum, type Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { LossOptions } from './engine.ts';
import { optionError } from './optimizer.ts';

export interface StepTensors {
  readonly x: Tensor;
  /** [N, classes] */
  readonly y: Tensor;
  /** [N], summing to 1 */
  readonly weights: Tensor;
}

export type Objective = (model: LayersModel, batch: StepTensors) => Scalar;

/** The loss of a step: sum over examples of weight * cross entropy, plus the model's own regularisers. */
export function createObjective(options: LossOptions = { kind: 'softmax-cross-entropy' }): Objective {
  const smoothing = options.labelSmoothing ?? 0;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw optionError('labelSmoothing', 'at least 0 and below 1', smoothing);
  }
  return (model, batch) => {
    const logits = model.apply(batch.x, { training: true }) as Tensor;
    const entropy = neg(sum(mul(smoothed(batch.y, smoothing), logSoftmax(logits)), -1));
    const data = sum(mul(entropy, batch.weights)) as Scalar;
    const regularizers = model.calculateLosses();
    return regularizers.length === 0 ? data : (addN([data, ...regularizers]) as Scalar);
  };
}

function smoothed(labels: Tensor, smoothing: number): Tensor {
  if (smoothing === 0) return labels;
  return add(mul(labels, 1 - smoothing), smoothing / (labels.shape.at(-1) ?? 1));
}
