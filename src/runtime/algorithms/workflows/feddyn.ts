import { z } from 'zod';
import { matcherOf } from '../../base/text/name-patterns.ts';
import { ROUNDS, roundFaults } from '../options.ts';
import type { Reducer } from '../reducer.ts';
import { trainRounds } from '../rounds.ts';
import { declareWorkflow } from '../workflow.ts';

const optionsSchema = z.object({
  alpha: z.number(),
  /** Of all sites, those that answered. */
  part: z.number(),
  /** Patterns of the arrays that are averaged, and no more. */
  averaged: z.array(z.string()),
});

/** h keeps what the sites have moved; the mean is taken further against it. */
const dynamic: Reducer<z.output<typeof optionsSchema>> = {
  name: 'feddyn',
  options: optionsSchema,
  state: ['h'],
  step({ name, base, mean, state: { h = new Float64Array() }, out }, { alpha, part, averaged }) {
    if (matcherOf(averaged)(name)) {
      out.set(mean);
      return;
    }
    for (let index = 0; index < out.length; index++) {
      const to = mean[index] ?? 0;
      const moved = (h[index] ?? 0) - alpha * part * (to - (base[index] ?? 0));
      h[index] = moved;
      out[index] = to - moved / alpha;
    }
  },
};

/**
 * FedDyn (Acar et al., "Federated Learning Based on Dynamic Regularization", 2021, algorithm 1): each site lowers its loss less a linear term, the
 * gradient that it had reached before, plus alpha / 2 |w - w0|^2, so that where all come to rest is a stationary point of the sum of
 * their losses. The server keeps h, and takes the mean of the models minus h / alpha. Sites count alike, as in the paper.
 */
export const workflow = declareWorkflow({
  summary:
    'sites and server keep where the sites pulled before, and correct each step and each model by it, so that all come to rest in one place',
  source: 'Acar et al. 2021',
  sums: 'alike',
  options: {
    ...ROUNDS,
    feddyn_alpha: z
      .number()
      .positive()
      .max(1e6)
      .default(0.1)
      .describe('weight alpha of the pull towards the received model; a smaller one lets sites go further'),
    averaged_tensors: z
      .array(z.string().min(1).max(1000))
      .max(1000)
      .default(['*/moving_mean', '*/moving_variance'])
      .describe(
        'names of arrays that are not trained, such as moving averages: the server averages them, and no more; `*` stands for any characters',
      ),
  },
  reducers: [dynamic],
  faults: roundFaults,
  run: (federation, job) => {
    const { options, clients } = job;
    const { feddyn_alpha: alpha, averaged_tensors: averaged } = options;
    const known = new Set<string>();
    return trainRounds(federation, job, ({ round, sites, base, answers }) => {
      for (const site of sites) known.add(site);
      const part = answers.length / Math.max(clients ?? 0, known.size);
      return federation.reduce({
        round,
        reducer: dynamic,
        options: { alpha, part, averaged },
        base,
        answers,
        weights: answers.map(() => 1 / answers.length),
      });
    });
  },
});
