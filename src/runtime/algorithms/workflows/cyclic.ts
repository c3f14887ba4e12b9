import { flError } from '../../base/errors/errors.ts';
import { weightedMean } from '../reducers/weighted-mean.ts';
import { scoreLast } from '../rounds.ts';
import { declareWorkflow } from '../workflow.ts';

/**
 * Cyclic weight transfer (Chang et al., "Distributed deep learning networks among institutions for medical imaging", 2018): each round
 * is of one site, which trains on from the model of the site before it. Sites take turns in site order.
 */
export const workflow = declareWorkflow({
  summary:
    'each round is of one site, which trains on from the model of the one before; sites take turns in their order',
  source: 'Chang et al. 2018',
  options: {},
  without: {
    keys: ['min_clients', 'mandatory_clients', 'clients_per_round', 'wait_time_after_min_received'],
    why: 'all its sites take turns',
  },
  async run(federation, { numRounds }) {
    let global = federation.initial;
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      const site = sites[(round - 1) % sites.length];
      if (site === undefined) throw flError('NF_ROUND_MEMBERS', { reason: 'no site takes part' });
      const answers = await federation.exchange({ name: 'train', round, inputs: global }, [site], {
        minClients: 1,
      });
      global = await federation.reduce({ round, reducer: weightedMean, base: global, answers });
      await federation.publish(round, global);
    }
    await scoreLast(federation, { round: numRounds + 1, global });
    return global;
  },
});
