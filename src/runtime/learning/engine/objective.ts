import {
  add,
  addN,
  avgPool,
  avgPool3d,
  div,
  exp,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  type Scalar,
  sigmoid,
  slice,
  softmax,
  softplus,
  squaredDifference,
  sub,
  sum,
  type Tensor,
  type Tensor4D,
  type Tensor5D,
} from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../base/errors/errors.ts';
import type { LossOptions } from './engine.ts';
import { headsOf } from './layers/deep-supervision.ts';
import { optionError } from './optimizer.ts';

export interface StepTensors {
  readonly x: Tensor;
  /** Of the model's output's shape, [N, ...]. */
  readonly y: Tensor;
  /** [N], summing to 1 */
  readonly weights: Tensor;
  /** Of the size of the outputs' last axis; of losses that are `adjusted`. */
  readonly logitOffset?: Tensor;
}

export type Objective = (model: LayersModel, batch: StepTensors) => Scalar;

/** Losses [N] of outputs and targets [N, ...]. */
type PerExample = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * The loss of a step: sum over examples of weight * loss, plus the model's own regularisers unless it is to be of the examples alone. Of a model
 * with `DeepSupervision` the loss is the mean over its levels, each of which counts half as much as the one twice as fine; targets of coarser
 * levels are means of their blocks.
 */
export function createObjective(
  options: LossOptions = { kind: 'softmax-cross-entropy' },
  { ofExamples = false } = {},
): Objective {
  const perExample = lossOf(options);
  const isAdjusted = options.kind === 'softmax-cross-entropy' && options.adjusted;
  return (model, batch) => {
    const outputs = model.apply(batch.x, { training: true }) as Tensor;
    const { logitOffset: offset } = batch;
    const levels = [outputs, ...headsOf(model).toReversed()];
    const losses = overLevels(perExample, {
      levels: isAdjusted && offset ? levels.map((logits) => add(logits, offset)) : levels,
      targets: batch.y,
    });
    if (losses.shape.length !== 1 || losses.shape[0] !== batch.y.shape[0]) {
      throw flError('NF_ENGINE_LOSS_SHAPE', { shape: losses.shape.join(', ') });
    }
    const data = sum(mul(losses, batch.weights)) as Scalar;
    const regularizers = ofExamples ? [] : model.calculateLosses();
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
    case 'dice-cross-entropy':
      return diceCrossEntropy;
    case 'custom':
      return options.perExample;
  }
}

/**
 * 1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1) over an example's positions, as a mean over channels (Milletari, Navab and Ahmadi,
 * "V-Net", 2016). p is the softmax over channels, of a single one the sigmoid.
 */
function softDice(logits: Tensor, targets: Tensor): Tensor {
  const channels = logits.shape.at(-1) ?? 1;
  const probabilities = channels === 1 ? sigmoid(logits) : softmax(logits);
  return sub(1, mean(channelDice(probabilities, targets), 1));
}

/** Soft Dice of each example and channel, [N, channels]. */
function channelDice(probabilities: Tensor, targets: Tensor): Tensor {
  const [examples = 1] = targets.shape;
  const channels = targets.shape.at(-1) ?? 1;
  const overPositions = (values: Tensor) => sum(reshape(values, [examples, -1, channels]), 1);
  const both = add(mul(overPositions(mul(probabilities, targets)), 2), 1);
  const all = add(add(overPositions(probabilities), overPositions(targets)), 1);
  return div(both, all);
}

function diceCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  const logs = logSoftmax(logits);
  const dice = channelDice(exp(logs), targets);
  const [examples = 1, channels = 1] = dice.shape;
  const ofLabels = channels === 1 ? dice : slice(dice, [0, 1], [examples, channels - 1]);
  return add(exampleMean(neg(sum(mul(targets, logs), -1))), sub(1, mean(ofLabels, 1)));
}

/** @param levels outputs from the finest to the coarsest */
function overLevels(
  perExample: PerExample,
  { levels, targets }: { levels: readonly Tensor[]; targets: Tensor },
): Tensor {
  const [only] = levels;
  if (only && levels.length === 1) return perExample(only, targets);
  const total = levels.reduce((all, _, at) => all + 2 ** -at, 0);
  let own = targets;
  const losses = levels.map((outputs, at) => {
    while ((own.shape[1] ?? 0) > (outputs.shape[1] ?? 0)) own = halved(own);
    return mul(perExample(outputs, own), 2 ** -at / total);
  });
  return addN(losses);
}

function halved(targets: Tensor): Tensor {
  if (targets.rank === 4) return avgPool(targets as Tensor4D, 2, 2, 'valid');
  return avgPool3d(targets as Tensor5D, 2, 2, 'valid');
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
