import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import type { Workflow } from '../workflow.ts';
import { scoreLast } from './fedavg.ts';

/** What a site says of its training: how many steps of SGD it took. */
const stepsSchema = z.number().positive().max(1e12);

/**
 * FedNova (Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization", 2020, for plain SGD): what a
 * site moved is divided by the steps it took, so that sites that step more often do not pull the model to themselves; the server moves by
 * the mean of that, weighted by examples, times the mean number of steps. Scripts say their steps as the value `steps`.
 */
export const fedNova: Workflow = {
  tasks: {
    train: { when: 'training', answer: { model: { form: 'subset:model' } }, values: { steps: { most: 30 } } },
  },
  async run(federation, { numRounds }) {
    let global = federation.initial;
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
      const examples = answers.reduce((sum, { numExamples }) => sum + numExamples, 0);
      const steps = answers.map(({ site, values }) => {
        const { success, data } = stepsSchema.safeParse(values?.steps);
        if (success) return data;
        const reason = 'it is no number over 0';
        throw flError(
          'NF_PAYLOAD_FORM',
          { file: 'steps', task: `train/${round}/${site}`, reason },
          { place: { site, round } },
        );
      });
      const shares = answers.map(({ numExamples }) => numExamples / examples);
      const mean = shares.reduce((sum, share, at) => sum + share * (steps[at] ?? 0), 0);
      const weights = shares.map((share, at) => (share * mean) / (steps[at] ?? 1));
      const step = {
        round,
        reducer: 'buffered',
        options: { learningRate: 1 },
        base: global,
        answers,
        weights,
      } as const;
      global = await federation.reduce(step);
      await federation.publish(round, global);
    }
    await scoreLast(federation, numRounds + 1, global);
    return global;
  },
};
