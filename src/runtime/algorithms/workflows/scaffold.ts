import { z } from 'zod';
import { ROUNDS, roundFaults, SERVER_LEARNING_RATE } from '../options.ts';
import { buffered } from '../reducers/buffered.ts';
import { trainRounds } from '../rounds.ts';
import { declareWorkflow, type FileRef } from '../workflow.ts';

/** Steps from the base by the weighted differences, as they are. */
const SUM = { reducer: buffered, options: { learningRate: 1 } } as const;

/**
 * SCAFFOLD (Karimireddy et al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning", 2020, algorithm 1): sites correct each
 * step by c - c_i, what the server knows of the mean gradient and what they know of their own. c travels with the model, the change of
 * c_i comes back with it, and c_i stays at its site. Sites count alike, as in the paper: x moves by the mean of their differences, c by
 * the sum of the changes over the number of all sites. At first all control variates are zero.
 */
export const workflow = declareWorkflow({
  summary:
    'sites correct each step by what server and site know of the gradients, so that they drift apart less',
  source: 'Karimireddy et al. 2020',
  sums: 'alike',
  options: {
    ...ROUNDS,
    scaffold_option: z
      .union([z.literal(1), z.literal(2)])
      .default(2)
      .describe(
        'how a site renews what it knows of its own gradient; 1: by the gradient at the received model, which takes one more pass over its data; 2: by the steps that it took',
      ),
    ...SERVER_LEARNING_RATE,
  },
  reducers: [buffered],
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
  faults: roundFaults,
  run: (federation, job) => {
    const { options, clients } = job;
    const known = new Set<string>();
    return trainRounds(federation, job, async ({ round, sites, base, answers }) => {
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
        reducer: buffered,
        options: { learningRate: options.server_learning_rate },
        round,
        base: { model: base.model },
        answers,
        weights: answers.map(() => 1 / answers.length),
      });
      return { model, control: next };
    });
  },
});
