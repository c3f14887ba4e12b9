import { z } from 'zod';
import { AGGREGATORS, leastAnswers } from '../aggregation.ts';
import { declareWorkflow } from '../workflow.ts';
import { workflow as fedAvg } from './fedavg.ts';

/**
 * FedProx (Li et al., "Federated Optimization in Heterogeneous Networks", 2020): FedAvg whose sites are pulled towards the model that
 * they received, by mu / 2 |w - w0|^2 in their loss. The trainer adds the term; at the server nothing is different.
 */
export const workflow = declareWorkflow({
  summary:
    'the same as fedavg, and each site is pulled towards the model that it received: mu / 2 · |w − w0|² in its loss',
  source: 'Li et al. 2020',
  sums: 'by examples',
  options: {
    ...fedAvg.options,
    proximal_mu: z
      .number()
      .positive()
      .max(1e6)
      .default(0.01)
      .describe('weight mu of the pull towards the received model, which the trainer adds'),
  },
  aggregators: AGGREGATORS,
  leastAnswers,
  faults: (given) => fedAvg.faults?.(given) ?? [],
  run: fedAvg.run,
});
