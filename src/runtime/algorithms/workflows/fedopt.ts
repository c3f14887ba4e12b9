import { z } from 'zod';
import { AGGREGATION, AGGREGATORS, aggregationFaults, aggregationOf, leastAnswers } from '../aggregation.ts';
import { LOCAL_TENSORS, ROUNDS, rate, roundFaults, SERVER_LEARNING_RATE, share } from '../options.ts';
import { adagrad, adam, sgd, yogi } from '../reducers/server-optimizers.ts';
import { trainRounds } from '../rounds.ts';
import { declareWorkflow } from '../workflow.ts';

const OPTIMIZERS = { sgd, adam, adagrad, yogi } as const;

/**
 * FedAvg whose server takes the mean of the sites' differences as a gradient for an optimizer of its own (Reddi et al., "Adaptive
 * Federated Optimization", 2021): SGD with momentum, Adam, Adagrad or Yogi. What the optimizer keeps travels with the global payload and
 * stays at the server.
 */
export const workflow = declareWorkflow({
  summary: 'the server takes the mean of the differences as a gradient for an optimizer of its own',
  source: 'Reddi et al. 2021',
  sums: 'by examples',
  options: {
    ...AGGREGATION,
    ...LOCAL_TENSORS,
    ...ROUNDS,
    server_optimizer: z
      .enum(['sgd', 'adam', 'adagrad', 'yogi'])
      .default('sgd')
      .describe('what steps from the mean of the differences that sites send'),
    ...SERVER_LEARNING_RATE,
    server_momentum: share
      .default(0.9)
      .describe('momentum of sgd; of the others the decay of the first moment (beta 1)'),
    server_beta2: share.default(0.99).describe('decay of the second moment of adam and yogi'),
    server_tau: rate
      .default(0.001)
      .describe('what adam, adagrad and yogi add to the root of the second moment'),
  },
  reducers: Object.values(OPTIMIZERS),
  aggregators: AGGREGATORS,
  leastAnswers,
  faults: (given) => [...aggregationFaults(given), ...roundFaults(given)],
  run: (federation, job) => {
    const { options } = job;
    const { server_optimizer: optimizer, server_learning_rate: learningRate } = options;
    const { server_momentum: momentum, server_beta2: beta2, server_tau: tau } = options;
    const how = {
      reducer: OPTIMIZERS[optimizer],
      options: { learningRate, momentum, beta2, tau },
      aggregation: aggregationOf(options),
    };
    return trainRounds(federation, job, ({ round, base, answers }) =>
      federation.reduce({ ...how, round, base, answers }),
    );
  },
});
