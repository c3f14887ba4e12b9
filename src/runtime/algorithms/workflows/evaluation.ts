import { flError } from '../../base/errors/errors.ts';
import { evaluateAtSites } from '../evaluation/evaluate-sites.ts';
import { evaluationTasks } from '../evaluation/tasks.ts';
import { declareWorkflow } from '../workflow.ts';

/**
 * No training: each site judges the model that the job begins with (`model.import`) on its own test images, as `evaluate` does where all images lie on
 * one machine, and tells sums.
 */
export const workflow = declareWorkflow({
  summary:
    'no training: sites judge the model that the job begins with on their own test images, beside controls of their own, and tell sums, which are added',
  source: 'Roth et al. 2022',
  options: {},
  tasks: evaluationTasks('training'),
  faults: ({ num_rounds: rounds }) =>
    rounds === 1 ? [] : [{ key: 'num_rounds', message: 'must be 1: sites are asked once' }],
  async run(federation) {
    const round = 1;
    const sites = await federation.members(round);
    const inputs = federation.initial;
    const told = await evaluateAtSites(federation, { round, sites, inputs, when: 'training' });
    if (told.length === 0) throw flError('NF_EVALUATION_NO_SITE');
    await federation.publish(round, inputs);
    return inputs;
  },
});
