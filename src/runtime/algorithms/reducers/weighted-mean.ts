import { NO_OPTIONS, type Reducer } from '../reducer.ts';

/** The mean of the sites' models, weighted: FedAvg's server step (McMahan et al. 2017). */
export const weightedMean: Reducer = { name: 'weighted_mean', options: NO_OPTIONS };
