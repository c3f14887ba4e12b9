import type { LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { tf } from '../tfjs.ts';
import { moments, normalize, type Statistics } from './normalize.ts';
import { type LayerCall, withCalls } from './with-calls.ts';

/** What tfjs's layer keeps, `layers/normalization.ts` of tfjs-layers 4.22. */
interface BatchNormalization extends layers.Layer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: LayerVariable;
  readonly beta?: LayerVariable;
  readonly movingMean: LayerVariable;
  readonly movingVariance: LayerVariable;
}

/**
 * Runs a forward pass in which batch normalisation has its gradient in closed form. The mathematics is that of tfjs, which
 * itself cannot train on another axis than the last, without scale or centre, or on volumes.
 */
export function withClosedBatchNorm<T>(forward: () => T): T {
  return withCalls(closedCall, forward);
}

function closedCall(layer: layers.Layer): LayerCall | undefined {
  if (!isBatchNormalization(layer)) return undefined;
  return (x, training) => {
    const axis = layer.axis < 0 ? layer.axis + x.rank : layer.axis;
    const last = [...x.shape.keys()].filter((other) => other !== axis);
    const moved = tf.transpose(x, [...last, axis]);
    const y = training ? trainingCall(layer, moved) : inferenceCall(layer, moved);
    return tf.transpose(
      y,
      [...x.shape.keys()].map((at) => placeOf(at, axis, x.rank)),
    );
  };
}

/** Where an axis lies once `axis` has been moved to the end. */
function placeOf(at: number, axis: number, rank: number): number {
  if (at === axis) return rank - 1;
  return at < axis ? at : at - 1;
}

function trainingCall(layer: BatchNormalization, x: tf.Tensor): tf.Tensor {
  const statistics = { ...batchStatistics(x), epsilon: layer.epsilon };
  const { mean, variance } = moments(x, statistics);
  follow(layer.movingMean, mean, layer.momentum);
  follow(layer.movingVariance, variance, layer.momentum);
  return normalize([x, gammaOf(layer), betaOf(layer)], statistics);
}

function inferenceCall(layer: BatchNormalization, x: tf.Tensor): tf.Tensor {
  const scale = tf.mul(gammaOf(layer), tf.rsqrt(tf.add(layer.movingVariance.read(), layer.epsilon)));
  return tf.add(tf.mul(x, scale), tf.sub(betaOf(layer), tf.mul(layer.movingMean.read(), scale)));
}

function gammaOf({ gamma, movingMean }: BatchNormalization): tf.Tensor {
  return gamma?.read() ?? tf.onesLike(movingMean.read());
}

function betaOf({ beta, movingMean }: BatchNormalization): tf.Tensor {
  return beta?.read() ?? tf.zerosLike(movingMean.read());
}

function isBatchNormalization(layer: layers.Layer): layer is BatchNormalization {
  return layer.getClassName() === 'BatchNormalization';
}

function batchStatistics(x: tf.Tensor): Omit<Statistics, 'epsilon'> {
  const channels = x.shape.at(-1) ?? 1;
  return {
    axes: x.shape.slice(0, -1).map((_, axis) => axis),
    count: x.size / channels,
    share: (sums) => sums,
  };
}

function follow(moving: LayerVariable, value: tf.Tensor, momentum: number): void {
  const old = moving.read();
  moving.write(tf.sub(old, tf.mul(tf.sub(old, tf.reshape(value, old.shape)), 1 - momentum)));
}
