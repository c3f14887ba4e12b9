import type { LayersModel } from '@tensorflow/tfjs-layers';
import { layers } from '@tensorflow/tfjs-layers';
import { tf } from '../tfjs.ts';

/**
 * The last layer of a model whose coarser levels are trained, too (Lee et al., "Deeply-supervised nets", 2015): gives the first of its inputs,
 * and in training keeps the others, coarsest first, for the loss. What leads to them alone is no part of a graph for prediction.
 */
export class DeepSupervision extends layers.Layer {
  static readonly className = 'DeepSupervision';
  #heads: readonly tf.Tensor[] = [];

  override computeOutputShape(inputShape: tf.Tensor['shape'] | tf.Tensor['shape'][]): tf.Tensor['shape'] {
    return (inputShape as tf.Tensor['shape'][])[0] ?? [];
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training }: { training?: boolean } = {}): tf.Tensor {
    const [first, ...others] = [inputs].flat();
    if (!first) throw new Error(`${this.name} was given nothing`);
    this.#heads = training === true ? others : [];
    return first;
  }

  /** Of the pass that just ended; they live as long as its other values, and are given once. */
  takeHeads(): readonly tf.Tensor[] {
    const heads = this.#heads;
    this.#heads = [];
    return heads;
  }
}

tf.serialization.registerClass(DeepSupervision);

/** Outputs of the coarser levels in the pass that just ended; none of a model without. */
export function headsOf(model: LayersModel): readonly tf.Tensor[] {
  const last = model.layers.find((layer) => layer instanceof DeepSupervision);
  return last?.takeHeads() ?? [];
}
