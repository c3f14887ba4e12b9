import { tf } from '../tfjs.ts';

/** Which elements of [N, ..., C] share a mean and a variance. */
export interface Statistics {
  /** Axes over which each channel is added up; axes of length 1 remain. */
  readonly axes: readonly number[];
  /** Elements that share a mean. */
  readonly count: number;
  /** Sums of channels to sums of all channels that share a mean, the same for each of them. */
  readonly share: (sums: tf.Tensor) => tf.Tensor;
  readonly epsilon: number;
}

export interface Moments {
  readonly mean: tf.Tensor;
  /** x - mean, [N, ..., C]. */
  readonly centered: tf.Tensor;
  readonly variance: tf.Tensor;
}

/** In two passes, so that a large mean does not drown the variance. */
export function moments(x: tf.Tensor, { axes, count, share }: Statistics): Moments {
  const total = (values: tf.Tensor) => share(tf.sum(values, [...axes], true));
  const mean = tf.div(total(x), count);
  const centered = tf.sub(x, mean);
  return { mean, centered, variance: tf.div(total(tf.square(centered)), count) };
}

/**
 * (x - mean) / sqrt(variance + epsilon) * gamma + beta with its gradient in closed form. Whole-size tensors are passed over as
 * few times as possible: tfjs's own composition does it three times as often.
 * @param operands x [N, ..., C], gamma [C], beta [C]
 */
export function normalize(operands: [tf.Tensor, tf.Tensor, tf.Tensor], statistics: Statistics): tf.Tensor {
  const compute = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [x, gamma, beta, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const { centered, variance } = moments(x, statistics);
    const scale = tf.rsqrt(tf.add(variance, statistics.epsilon));
    const value = tf.add(tf.mul(centered, tf.mul(scale, gamma)), beta);
    save([centered, scale, gamma]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy, saved, statistics) };
  });
  return compute(...operands);
}

/**
 * With c = x - mean, s = 1/std, g = gamma dy: dx = s g - s/count sum(g) - c s^3/count sum(g c), sums over what shares a mean.
 */
function gradients(dy: tf.Tensor, saved: tf.Tensor[], { axes, count, share }: Statistics): tf.Tensor[] {
  const [centered, scale, gamma] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
  const dySum = tf.sum(dy, [...axes], true);
  const dyCenteredSum = tf.sum(tf.mul(dy, centered), [...axes], true);
  const shared = (sums: tf.Tensor) => tf.div(share(tf.mul(sums, gamma)), count);

  const slope = tf.mul(shared(dyCenteredSum), tf.mul(tf.square(scale), scale));
  const shift = tf.mul(shared(dySum), scale);
  const dx = tf.sub(tf.mul(dy, tf.mul(scale, gamma)), tf.add(tf.mul(centered, slope), shift));
  const channelSum = (sums: tf.Tensor) => tf.sum(tf.reshape(sums, [-1, gamma.size]), 0);
  return [dx, channelSum(tf.mul(dyCenteredSum, scale)), channelSum(dySum)];
}
