import type { LayersModel, LayerVariable, layers } from '@tensorflow/tfjs-layers';
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

/** Runs a forward pass in which batch normalisation over the last axis trains in closed form; the mathematics is that of tfjs. */
export function withClosedBatchNorm<T>(model: LayersModel, forward: () => T): T {
  return withCalls(model, closedCall, forward);
}

function closedCall(layer: layers.Layer): LayerCall | undefined {
  if (!isBatchNormalization(layer)) return undefined;
  const { gamma, beta } = layer;
  if (!gamma || !beta) return undefined;
  const own = layer.call.bind(layer);
  return (x, training) => {
    const overLast = layer.axis === -1 || layer.axis === x.rank - 1;
    if (!training || !overLast) return own(x, { training }) as tf.Tensor;
    const statistics = { ...batchStatistics(x), epsilon: layer.epsilon };
    const { mean, variance } = moments(x, statistics);
    follow(layer.movingMean, mean, layer.momentum);
    follow(layer.movingVariance, variance, layer.momentum);
    return normalize([x, gamma.read(), beta.read()], statistics);
  };
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
