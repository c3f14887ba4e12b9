import { initializers, type LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { flError } from '../../../base/errors/errors.ts';
import { tf } from '../tfjs.ts';
import { normalize } from './normalize.ts';

export interface GroupNormalizationArgs {
  /** Must divide the number of channels. */
  readonly groups: number;
  /** Default 1e-5. */
  readonly epsilon?: number;
  readonly name?: string;
}

/**
 * Group normalisation (Wu and He, "Group normalization", 2018) of [N, ..., C]: each example's channels are normalised
 * in groups over all positions, then scaled by gamma [C] and shifted by beta [C]. It needs no statistics over the
 * batch, so it suits small and unequal sites, where batch normalisation does not.
 */
export class GroupNormalization extends layers.Layer {
  static readonly className = 'GroupNormalization';
  readonly groups: number;
  readonly epsilon: number;
  #gamma: LayerVariable | undefined;
  #beta: LayerVariable | undefined;

  constructor(args: GroupNormalizationArgs) {
    super(args.name === undefined ? {} : { name: args.name });
    this.groups = args.groups;
    this.epsilon = args.epsilon ?? 1e-5;
  }

  override build(inputShape: tf.Tensor['shape'] | tf.Tensor['shape'][]): void {
    const channels = Number([inputShape].flat(2).at(-1));
    if (!Number.isInteger(channels / this.groups)) {
      throw flError('NF_ENGINE_GROUPS', { layer: this.name, groups: this.groups, channels });
    }
    this.#gamma = this.addWeight('gamma', [channels], 'float32', initializers.ones());
    this.#beta = this.addWeight('beta', [channels], 'float32', initializers.zeros());
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!x || !this.#gamma || !this.#beta) throw new Error(`${this.name} was called before it was built`);
    return normalize([x, this.#gamma.read(), this.#beta.read()], {
      axes: x.shape.slice(1, -1).map((_, index) => index + 1),
      count: x.size / (x.shape[0] ?? 1) / this.groups,
      share: (sums) => groupSum(sums, this.groups),
      epsilon: this.epsilon,
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), groups: this.groups, epsilon: this.epsilon };
  }
}

tf.serialization.registerClass(GroupNormalization);

/** The layer as a function, in the manner of `tf.layers`. */
export function groupNormalization(args: GroupNormalizationArgs): GroupNormalization {
  return new GroupNormalization(args);
}

/** Adds up each group's channels; every channel gets its group's sum: [N, 1, .., C] to the same shape. */
function groupSum(perChannel: tf.Tensor, groups: number): tf.Tensor {
  const members = tf.reshape(perChannel, [perChannel.shape[0] ?? 1, groups, -1]);
  return tf.reshape(tf.mul(tf.sum(members, 2, true), tf.onesLike(members)), perChannel.shape);
}
