import {
  AGGREGATION,
  AGGREGATORS,
  type AggregationOptions,
  aggregationFaults,
  aggregationOf,
  leastAnswers,
} from '../aggregation.ts';
import { LOCAL_TENSORS, ROUNDS, roundFaults } from '../options.ts';
import { weightedMean } from '../reducers/weighted-mean.ts';
import { type Rounds, trainRounds } from '../rounds.ts';
import { declareWorkflow, type Federation, type Payload } from '../workflow.ts';

/** Rounds whose new model is the mean of those of the sites, or what the job aggregates them by. */
export function averageRounds(
  federation: Federation,
  rounds: Rounds & { readonly options: AggregationOptions },
): Promise<Payload> {
  const how = { reducer: weightedMean, aggregation: aggregationOf(rounds.options) };
  return trainRounds(federation, rounds, ({ round, base, answers }) =>
    federation.reduce({ ...how, round, base, answers }),
  );
}

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples.
 */
export const workflow = declareWorkflow({
  summary: 'each round all sites train the global model; the new one is their mean, weighted by examples',
  source: 'McMahan et al. 2017',
  sums: 'by examples',
  options: { ...AGGREGATION, ...LOCAL_TENSORS, ...ROUNDS },
  aggregators: AGGREGATORS,
  leastAnswers,
  faults: (given) => [...aggregationFaults(given), ...roundFaults(given)],
  run: (federation, job) => averageRounds(federation, job),
});
