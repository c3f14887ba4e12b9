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
  options: { ...LOCAL_TENSORS, ...CROSS_SITE },
  run: (federation, { numRounds, options: { cross_site_evaluation: crossSite } }) =>
    trainRounds(federation, { numRounds, crossSite }, ({ round, base, answers }) =>
      federation.reduce({ round, reducer: weightedMean, base, answers }),
    ),
});
