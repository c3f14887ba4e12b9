import type { Payload } from '../../run/events.ts';
import type { ReducerName } from '../reducer.ts';
import type { Federation, Workflow } from '../workflow.ts';

interface Averaging {
  readonly numRounds: number;
  readonly reducer: ReducerName;
  /** Of the reducer. */
  readonly options?: object;
}

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples.
 */
export const fedAvg: Workflow = {
  run: (federation, { numRounds }) => averaging(federation, { numRounds, reducer: 'weighted_mean' }),
};

/** Rounds of training at all sites, each of which ends in one reduction, and the score of the last model. */
export async function averaging(federation: Federation, { numRounds, ...how }: Averaging): Promise<Payload> {
  let global = federation.initial;
  for (let round = 1; round <= numRounds; round++) {
    const sites = await federation.members(round);
    const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
    global = await federation.reduce({ ...how, round, base: global, answers });
    await federation.publish(round, global);
  }
  await scoreLast(federation, numRounds + 1, global);
  return global;
}

/** Sites score each model they receive, so the last one is sent out once more, for its score alone. */
export async function scoreLast(federation: Federation, round: number, global: Payload): Promise<void> {
  await federation.exchange({ name: 'evaluate', round, inputs: global }, await federation.members(round));
  await federation.publish(round);
}
