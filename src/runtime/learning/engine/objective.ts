import {
  add,
  addN,
  div,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  type Scalar,
  sigmoid,
  softmax,
  softplus,
  squaredDifference,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';
import type { LossOptions } from './engine.ts';
import { optionError } from './optimizer.ts';

export interface StepTensors {
  readonly x: Tensor;
  /** Of the model's output's shape, [N, ...]. */
  readonly y: Tensor;
  /** [N], summing to 1 */
  readonly weights: Tensor;
}

export type Objective = (model: LayersModel, batch: StepTensors) => Scalar;

/** Losses [N] of outputs and targets [N, ...]. */
type PerExample = (outputs: Tensor, targets: Tensor) => Tensor;

/** The loss of a step: sum over examples of weight * loss, plus the model's own regularisers. */
export function createObjective(options: LossOptions = { kind: 'softmax-cross-entropy' }): Objective {
  const perExample = lossOf(options);
  return (model, batch) => {
    const outputs = model.apply(batch.x, { training: true }) as Tensor;
    const losses = perExample(outputs, batch.y);
    if (losses.shape.length !== 1 || losses.shape[0] !== batch.y.shape[0]) {
      throw flError('NF_ENGINE_LOSS_SHAPE', { shape: losses.shape.join(', ') });
    }
    const data = sum(mul(losses, batch.weights)) as Scalar;
    const regularizers = model.calculateLosses();
    return regularizers.length === 0 ? data : (addN([data, ...regularizers]) as Scalar);
  };
}

function lossOf(options: LossOptions): PerExample {
  switch (options.kind) {
    case 'softmax-cross-entropy': {
      const smoothing = checkSmoothing(options.labelSmoothing);
      return (logits, labels) => {
        const target = smoothed(labels, smoothing, 1 / (labels.shape.at(-1) ?? 1));
        return exampleMean(neg(sum(mul(target, logSoftmax(logits)), -1)));
      };
    }
    case 'sigmoid-cross-entropy': {
      const smoothing = checkSmoothing(options.labelSmoothing);
      // softplus(x) - x z, whose derivative sigmoid(x) - z holds at 0 too.
      return (logits, labels) =>
        exampleMean(sub(softplus(logits), mul(logits, smoothed(labels, smoothing, 0.5))));
    }
    case 'mean-squared-error':
      return (outputs, targets) => exampleMean(squaredDifference(outputs, targets));
    case 'dice':
      return softDice;
    case 'custom':
      return options.perExample;
  }
}

/**
 * 1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1) over an example's positions, as a mean over channels (Milletari, Navab and Ahmadi,
 * "V-Net", 2016). p is the softmax over channels, of a single one the sigmoid.
 */
function softDice(logits: Tensor, targets: Tensor): Tensor {
  const [examples = 1] = logits.shape;
  const channels = logits.shape.at(-1) ?? 1;
  const probabilities = channels === 1 ? sigmoid(logits) : softmax(logits);
  const overPositions = (values: Tensor) => sum(reshape(values, [examples, -1, channels]), 1);
  const both = add(mul(overPositions(mul(probabilities, targets)), 2), 1);
  const all = add(add(overPositions(probabilities), overPositions(targets)), 1);
  return sub(1, mean(div(both, all), 1));
}

/** [N, ...] to [N]. */
function exampleMean(losses: Tensor): Tensor {
  return losses.rank === 1 ? losses : mean(reshape(losses, [losses.shape[0] ?? 1, -1]), 1);
}

function smoothed(labels: Tensor, smoothing: number, level: number): Tensor {
  return smoothing === 0 ? labels : add(mul(labels, 1 - smoothing), smoothing * level);
}

function checkSmoothing(smoothing = 0): number {
  if (smoothing >= 0 && smoothing < 1) return smoothing;
  throw optionError('labelSmoothing', 'at least 0 and below 1', smoothing);
}
