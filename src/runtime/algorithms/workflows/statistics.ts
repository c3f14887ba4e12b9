import { declareWorkflow } from '../workflow.ts';

/** The task by which a site is asked to describe its data. */
export const DESCRIBE = 'describe';

/**
 * Federated statistics, as the workflow of that name in NVIDIA FLARE: sites are asked once what their data are like, in sums, and no model is
 * trained. The sums are figures of the answers (`data_statistics`), which the run's report adds.
 */
export const workflow = declareWorkflow({
  summary:
    'no training: sites describe their data once, by sums (`describeData` of `neuroflare/mri`), which are added; a site tells no count of few people',
  source: 'Roth et al. 2022',
  options: {},
  tasks: { [DESCRIBE]: { when: 'training', answer: {} } },
  faults: ({ num_rounds: rounds }) =>
    rounds === 1 ? [] : [{ key: 'num_rounds', message: 'must be 1: sites are asked once' }],
  async run(federation) {
    const round = 1;
    const sites = await federation.members(round);
    await federation.exchange({ name: DESCRIBE, round, inputs: federation.initial }, sites);
    await federation.publish(round, federation.initial);
    return federation.initial;
  },
});
