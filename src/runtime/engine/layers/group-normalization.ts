import { initializers, type LayerVariable, layers } from '@tensorflow/tfjs-layers';
import { flError } from '../../kernel/errors.ts';
import { tf } from '../tfjs.ts';

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
    return normalizeGroups([x, this.#gamma.read(), this.#beta.read()], this.groups, this.epsilon);
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

/**
 * The operation with its gradient in closed form. Whole-size tensors are passed over as few times as possible: what
 * depends on the group alone is computed on [N, 1, .., C] sums, and no tensor of higher rank is made.
 */
function normalizeGroups(operands: [tf.Tensor, tf.Tensor, tf.Tensor], groups: number, epsilon: number) {
  const compute = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [x, gamma, beta, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const count = x.size / (x.shape[0] ?? 1) / groups;
    const mean = tf.div(groupSum(positionSum(x), groups), count);
    const centered = tf.sub(x, mean); //                                          [N, ..., C]
    const variance = tf.div(groupSum(positionSum(tf.square(centered)), groups), count);
    const scale = tf.rsqrt(tf.add(variance, epsilon)); //                         [N, 1, .., C]
    const value = tf.add(tf.mul(centered, tf.mul(scale, gamma)), beta);
    save([centered, scale, gamma]);

    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => groupGradients(dy, saved, { groups, count });
    return { value, gradFunc };
  });
  return compute(...operands);
}

/**
 * With c = x - mean, s = 1/std, g = gamma dy: dx = s g - s/count sum(g) - c s^3/count sum(g c), sums over the group.
 */
function groupGradients(dy: tf.Tensor, saved: tf.Tensor[], size: { groups: number; count: number }) {
  const [centered, scale, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
  const dySum = positionSum(dy); //                                               [N, 1, .., C]
  const dyCenteredSum = positionSum(tf.mul(dy, centered));
  const groupMean = (sums: tf.Tensor) => tf.div(groupSum(tf.mul(sums, gamma), size.groups), size.count);

  const slope = tf.mul(groupMean(dyCenteredSum), tf.mul(tf.square(scale), scale));
  const shift = tf.mul(groupMean(dySum), scale);
  const dx = tf.sub(tf.mul(dy, tf.mul(scale, gamma)), tf.add(tf.mul(centered, slope), shift));
  const channelSum = (sums: tf.Tensor) => tf.sum(tf.reshape(sums, [-1, gamma.size]), 0);
  return [dx, channelSum(tf.mul(dyCenteredSum, scale)), channelSum(dySum)];
}

/** Adds up each group's channels; every channel gets its group's sum: [N, 1, .., C] to the same shape. */
function groupSum(perChannel: tf.Tensor, groups: number): tf.Tensor {
  const members = tf.reshape(perChannel, [perChannel.shape[0] ?? 1, groups, -1]);
  return tf.reshape(tf.mul(tf.sum(members, 2, true), tf.onesLike(members)), perChannel.shape);
}

/** [N, ..., C] to [N, 1, .., C]. */
function positionSum(x: tf.Tensor): tf.Tensor {
  const positions = x.shape.slice(1, -1).map((_, index) => index + 1);
  return tf.sum(x, positions, true);
}
