import type { OptionsOf } from '../../job/workflow-options.ts';
import type { FileRef, Payload } from '../../run/events.ts';
import type { Workflow } from '../workflow.ts';
import { closeTraining, type LastRound, scoreLast } from './final-scoring.ts';

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
  async run(federation, { numRounds, options, clients }) {
    let global: Payload = federation.initial;
    let last: LastRound | undefined;
    const known = new Set<string>();
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      for (const site of sites) known.add(site);
      const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
      const all = Math.max(clients ?? 0, known.size);
      const control: FileRef | undefined = global.control;
      const { model: next } = await federation.reduce({
        ...SUM,
        round,
        about: 'control',
        file: 'control',
        base: { model: control ?? global.model },
        ...(control === undefined && { fromZero: true }),
        answers,
        weights: answers.map(() => 1 / all),
      });
      const { model } = await federation.reduce({
        reducer: 'buffered',
        options: { learningRate: options.server_learning_rate },
        round,
        base: { model: global.model },
        answers,
        weights: answers.map(() => 1 / answers.length),
      });
      const base = global;
      global = { model, control: next };
      const isKept = options.cross_site_evaluation && round === numRounds;
      last = await closeTraining(federation, global, { round, base, answers, isKept });
    }
    await scoreLast(federation, { round: numRounds + 1, global, last });
    return global;
  },
};
