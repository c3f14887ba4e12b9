import { z } from 'zod';
import type { Aggregator } from '../aggregator.ts';
import { boundedShares } from '../bounded-weights.ts';
import { ROUNDS, roundFaults } from '../options.ts';
import { buffered } from '../reducers/buffered.ts';
import { trainRounds } from '../rounds.ts';
import { declareWorkflow } from '../workflow.ts';

/** The differences, further by half of the ratio of their mean square to the square of their mean, where that is more than 1. */
const extrapolated: Aggregator<{ readonly epsilon: number }> = {
  name: 'extrapolated',
  options: z.strictObject({ epsilon: z.number().positive() }),
  weighByNorms({ weights, squares, squareOfSum }, { epsilon }) {
    const meanSquare = squares.reduce((sum, square, at) => sum + (weights[at] ?? 0) * square, 0);
    const rate = Math.max(1, meanSquare / (2 * (squareOfSum + epsilon)));
    return weights.map((weight) => rate * weight);
  },
};

/**
 * FedExP (Jhunjhunwala et al., "FedExP: Speeding Up Federated Averaging via Extrapolation", 2023, algorithm 1): the server steps by the mean
 * of the sites' differences, weighted by examples, times a rate that it chooses anew in each round: the more the differences point to
 * different sides, the further it goes. Sites train as in FedAvg.
 */
export const workflow = declareWorkflow({
  summary:
    'the server goes further along the mean of the differences, the more those of the sites point to different sides',
  source: 'Jhunjhunwala et al. 2023',
  options: {
    ...ROUNDS,
    extrapolation_epsilon: z
      .number()
      .positive()
      .max(1e6)
      .default(0.001)
      .describe('what is added to the square of the mean difference; a larger one makes smaller steps'),
  },
  reducers: [buffered],
  aggregators: [extrapolated],
  faults: roundFaults,
  run: (federation, job) => {
    const { options, maxWeightRatio } = job;
    const aggregation = { aggregator: extrapolated, options: { epsilon: options.extrapolation_epsilon } };
    return trainRounds(federation, job, ({ round, base, answers }) => {
      const { weights, notes } = boundedShares(answers, maxWeightRatio);
      return federation.reduce({
        round,
        reducer: buffered,
        options: { learningRate: 1 },
        aggregation,
        base,
        answers,
        weights,
        notes,
      });
    });
  },
});
