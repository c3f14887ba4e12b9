import type { Workflow } from '../workflow.ts';

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples. Sites score each model they receive, so the last one is sent out once
 * more, for its score alone.
 */
export const fedAvg: Workflow = async (federation, { numRounds }) => {
  let global = federation.initial;
  for (let round = 1; round <= numRounds; round++) {
    const sites = await federation.members(round);
    const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
    global = await federation.reduce({ round, reducer: 'weighted_mean', base: global, answers });
    await federation.publish(round, global);
  }
  const last = numRounds + 1;
  await federation.exchange(
    { name: 'evaluate', round: last, inputs: global },
    await federation.members(last),
  );
  await federation.publish(last);
  return global;
};
