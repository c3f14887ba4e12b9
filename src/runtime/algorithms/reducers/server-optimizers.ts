import { z } from 'zod';
import type { Reducer, Slice } from '../reducer.ts';

/**
 * Server optimizers of Reddi et al., "Adaptive Federated Optimization" (2021), algorithm 2: the mean of the sites' differences is the
 * pseudo-gradient. As in Flower, their states begin at zero and no bias is corrected.
 */
const optionsSchema = z.object({
  learningRate: z.number(),
  /** SGD: momentum (Hsu et al. 2019, FedAvgM); the others: beta 1. */
  momentum: z.number(),
  /** Decay of the second moment; of Adam and Yogi. */
  beta2: z.number(),
  /** Degree of adaptivity (tau), added to the root of the second moment. */
  tau: z.number(),
});
type Options = z.output<typeof optionsSchema>;

/** Second moment of one element after a step with this difference. */
type SecondMoment = (before: number, difference: number, options: Options) => number;

/** With a learning rate of 1 and without momentum it is FedAvg. */
export const sgd: Reducer<Options> = {
  name: 'sgd',
  options: optionsSchema,
  state: ['velocity'],
  step({ base, mean, state: { velocity = new Float64Array() }, out }, { learningRate, momentum }) {
    for (let index = 0; index < out.length; index++) {
      const before = base[index] ?? 0;
      const speed = momentum * (velocity[index] ?? 0) + ((mean[index] ?? 0) - before);
      velocity[index] = speed;
      out[index] = before + learningRate * speed;
    }
  },
};

export const adagrad = adaptive('adagrad', (before, difference) => before + difference * difference);

export const adam = adaptive(
  'adam',
  (before, difference, { beta2 }) => beta2 * before + (1 - beta2) * difference * difference,
);

export const yogi = adaptive('yogi', (before, difference, { beta2 }) => {
  const square = difference * difference;
  return before - (1 - beta2) * square * Math.sign(before - square);
});

function adaptive(name: string, secondMoment: SecondMoment): Reducer<Options> {
  return {
    name,
    options: optionsSchema,
    state: ['moment', 'second_moment'],
    step: (slice, options) => stepAdaptively(slice, secondMoment, options),
  };
}

function stepAdaptively(
  { base, mean, state, out }: Slice,
  secondMoment: SecondMoment,
  options: Options,
): void {
  const { moment = new Float64Array(), second_moment: second = new Float64Array() } = state;
  const { learningRate, momentum, tau } = options;
  for (let index = 0; index < out.length; index++) {
    const before = base[index] ?? 0;
    const difference = (mean[index] ?? 0) - before;
    const first = momentum * (moment[index] ?? 0) + (1 - momentum) * difference;
    const variance = secondMoment(second[index] ?? 0, difference, options);
    moment[index] = first;
    second[index] = variance;
    out[index] = before + (learningRate * first) / (Math.sqrt(variance) + tau);
  }
}
