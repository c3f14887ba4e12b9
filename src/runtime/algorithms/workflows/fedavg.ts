import type { Workflow } from '../workflow.ts';

/**
 * Federated averaging (McMahan et al. 2017): in every round all sites train the global model on their own data and the
 * server takes the mean weighted by examples. Sites score each model they receive, so the last one is sent out once
 * more, for its score alone.
 */
export const fedAvg: Workflow = async (federation, { numRounds }) => {
  let { round, model } = federation.position;
  while (round < numRounds) {
    round += 1;
    const request = { kind: 'train', round, model } as const;
    const results = await federation.collect(request);
    model = await federation.aggregate(request, results, 'weighted_mean');
  }
  const final = { kind: 'evaluate', round: numRounds + 1, model } as const;
  await federation.close(final, await federation.collect(final));
  return model;
};
