import type { Payload } from '../../run/events.ts';
import type { ReducerName } from '../reducer.ts';
import type { Federation, Workflow } from '../workflow.ts';
import { type CrossSiteOption, closeTraining, type LastRound, scoreLast } from './final-scoring.ts';

interface Averaging {
  /** Whether the models of the sites are scored at all sites in the end. */
  readonly crossSite: boolean;
  readonly numRounds: number;
  readonly reducer: ReducerName;
  /** Of the reducer. */
  readonly options?: object;
}

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples.
 */
export const fedAvg: Workflow<CrossSiteOption> = {
  run: (federation, { numRounds, options: { cross_site_evaluation: crossSite = false } }) =>
    averaging(federation, { numRounds, crossSite, reducer: 'weighted_mean' }),
};

/** Rounds of training at all sites, each of which ends in one reduction, and the score of the last model. */
export async function averaging(
  federation: Federation,
  { numRounds, crossSite, ...how }: Averaging,
): Promise<Payload> {
  let global = federation.initial;
  let last: LastRound | undefined;
  for (let round = 1; round <= numRounds; round++) {
    const sites = await federation.members(round);
    const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
    const base = global;
    global = await federation.reduce({ ...how, round, base, answers });
    last = await closeTraining(federation, global, {
      round,
      base,
      answers,
      isKept: crossSite && round === numRounds,
    });
  }
  await scoreLast(federation, { round: numRounds + 1, global, last });
  return global;
}
