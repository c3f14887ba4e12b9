import { AGGREGATION, AGGREGATORS, aggregationFaults, aggregationOf, leastAnswers } from '../aggregation.ts';
import { CROSS_SITE, LOCAL_TENSORS } from '../options.ts';
import { weightedMean } from '../reducers/weighted-mean.ts';
import { trainRounds } from '../rounds.ts';
import { declareWorkflow } from '../workflow.ts';

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples.
 */
export const workflow = declareWorkflow({
  summary: 'each round all sites train the global model; the new one is their mean, weighted by examples',
  source: 'McMahan et al. 2017',
  options: { ...AGGREGATION, ...LOCAL_TENSORS, ...CROSS_SITE },
  aggregators: AGGREGATORS,
  leastAnswers,
  faults: aggregationFaults,
  run: (federation, { numRounds, options }) => {
    const how = { reducer: weightedMean, aggregation: aggregationOf(options) };
    const crossSite = options.cross_site_evaluation;
    return trainRounds(federation, { numRounds, crossSite }, ({ round, base, answers }) =>
      federation.reduce({ ...how, round, base, answers }),
    );
  },
});
