import type { OptionsOf } from '../../job/workflow-options.ts';
import type { Workflow } from '../workflow.ts';
import { trainRounds } from './rounds.ts';

/**
 * FedAvg whose server takes the mean of the sites' differences as a gradient for an optimizer of its own (Reddi et al., "Adaptive
 * Federated Optimization", 2021): SGD with momentum, Adam, Adagrad or Yogi. What the optimizer keeps travels with the global payload and
 * stays at the server.
 */
export const fedOpt: Workflow<OptionsOf<'fedopt'>> = {
  run: (federation, { numRounds, options }) => {
    const { server_optimizer: reducer, server_learning_rate: learningRate } = options;
    const { server_momentum: momentum, server_beta2: beta2, server_tau: tau } = options;
    const how = { reducer, options: { learningRate, momentum, beta2, tau } };
    const crossSite = options.cross_site_evaluation;
    return trainRounds(federation, { numRounds, crossSite }, ({ round, base, answers }) =>
      federation.reduce({ ...how, round, base, answers }),
    );
  },
};
