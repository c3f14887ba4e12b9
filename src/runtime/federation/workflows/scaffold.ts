import type { OptionsOf } from '../../job/workflow-options.ts';
import type { FileRef } from '../../run/events.ts';
import type { Workflow } from '../workflow.ts';
import { trainRounds } from './rounds.ts';

/** Steps from the base by the weighted differences, as they are. */
const SUM = { reducer: 'buffered', options: { learningRate: 1 } } as const;

/**
 * SCAFFOLD (Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning", 2020, algorithm 1): sites correct each
 * step by c - c_i, what the server knows of the mean gradient and what they know of their own. c travels with the model, the change of
 * c_i comes back with it, and c_i stays at its site. Sites count alike, as in the paper: x moves by the mean of their differences, c by
 * the sum of the changes over the number of all sites. At first all control variates are zero.
 */
export const scaffold: Workflow<OptionsOf<'scaffold'>> = {
  tasks: {
    train: {
      when: 'training',
      inputs: { control: { form: 'like:model', optional: true } },
      answer: {
        model: { form: 'subset:model' },
        control: { form: 'subset:model', by: 'trainer' },
      },
    },
  },
  run: (federation, { numRounds, options, clients }) => {
    const known = new Set<string>();
    const crossSite = options.cross_site_evaluation;
    return trainRounds(federation, { numRounds, crossSite }, async ({ round, sites, base, answers }) => {
      for (const site of sites) known.add(site);
      const all = Math.max(clients ?? 0, known.size);
      const control: FileRef | undefined = base.control;
      const { model: next } = await federation.reduce({
        ...SUM,
        round,
        about: 'control',
        file: 'control',
        base: { model: control ?? base.model },
        ...(control === undefined && { fromZero: true }),
        answers,
        weights: answers.map(() => 1 / all),
      });
      const { model } = await federation.reduce({
        reducer: 'buffered',
        options: { learningRate: options.server_learning_rate },
        round,
        base: { model: base.model },
        answers,
        weights: answers.map(() => 1 / answers.length),
      });
      return { model, control: next };
    });
  },
};
