import { z } from 'zod';
import { AGGREGATION, AGGREGATORS, aggregationFaults, leastAnswers } from '../aggregation.ts';
import { earlyStoppingFaults } from '../early-stopping.ts';
import { CROSS_SITE, HARMONISED, LAST_MODEL } from '../options.ts';
import { scoreTask, TRAIN_ALONE, trainedBeside } from '../own-models.ts';
import { declareWorkflow } from '../workflow.ts';
import { averageRounds } from './fedavg.ts';

/**
 * Ditto (Li et al., "Ditto: Fair and Robust Federated Learning Through Personalization", 2021, algorithm 1): FedAvg, and beside it each site
 * trains a personal model, which is pulled towards the global one of the round by lambda / 2 |v - w|^2. It stays at its site.
 */
export const workflow = declareWorkflow({
  summary:
    'the same as fedavg, and beside it each site trains a personal model, which is pulled towards the global one: lambda / 2 · |v − w|² in its loss; it ends with the best of its own and the global one',
  source: 'Li et al. 2021',
  options: {
    ...AGGREGATION,
    ...CROSS_SITE,
    ...HARMONISED,
    ...LAST_MODEL,
    ...TRAIN_ALONE,
    ditto_lambda: z
      .number()
      .positive()
      .max(1e6)
      .default(0.1)
      .describe('weight lambda of the pull of the personal model towards the global one'),
  },
  tasks: { ...trainedBeside('personal'), ...scoreTask('personal') },
  aggregators: AGGREGATORS,
  leastAnswers,
  faults: (given) => [...aggregationFaults(given), ...earlyStoppingFaults(given)],
  run: (federation, job) => averageRounds(federation, { ...job, hasPersonal: true }),
});
