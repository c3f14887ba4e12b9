import type { Workflow } from '../workflow.ts';
import { trainRounds } from './rounds.ts';

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples.
 */
export const fedAvg: Workflow<{ readonly cross_site_evaluation?: boolean | undefined }> = {
  run: (federation, { numRounds, options: { cross_site_evaluation: crossSite } }) =>
    trainRounds(federation, { numRounds, crossSite }, ({ round, base, answers }) =>
      federation.reduce({ round, reducer: 'weighted_mean', base, answers }),
    ),
};
