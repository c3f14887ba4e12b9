import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import type { OptionsOf } from '../../job/workflow-options.ts';
import { bounded, boundedExamples } from '../weigh-results.ts';
import type { Workflow } from '../workflow.ts';
import { closeTraining, type LastRound, scoreLast } from './final-scoring.ts';

/** What a site says of its training: how many steps of SGD it took. */
const STEPS = { least: 1, most: 1e12 } as const;
const stepsSchema = z.number().min(STEPS.least).max(STEPS.most);

/**
 * FedNova (Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization", 2020, for plain SGD): what a
 * site moved is divided by the steps it took, so that sites that step more often do not pull the model to themselves; the server moves by
 * the mean of that, weighted by examples, times the mean number of steps. Scripts say their steps as the value `steps`.
 */
export const fedNova: Workflow<OptionsOf<'fednova'>> = {
  tasks: {
    train: {
      when: 'training',
      answer: { model: { form: 'subset:model' } },
      values: { steps: { most: 30, number: STEPS } },
    },
  },
  async run(federation, { numRounds, options, maxWeightRatio: ratio }) {
    let global = federation.initial;
    let last: LastRound | undefined;
    for (let round = 1; round <= numRounds; round++) {
      const sites = await federation.members(round);
      const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
      const { weights: counts, notes } = boundedExamples(answers, ratio);
      const examples = counts.reduce((sum, count) => sum + count, 0);
      const steps = answers.map(({ site, values }) => {
        const { success, data } = stepsSchema.safeParse(values?.steps);
        if (success) return data;
        const reason = `it is no number from ${STEPS.least} to ${STEPS.most}`;
        throw flError(
          'NF_PAYLOAD_FORM',
          { file: 'steps', task: `train/${round}/${site}`, reason },
          { place: { site, round } },
        );
      });
      const shares = counts.map((count) => count / examples);
      // Who says that it took many moves the updates of all others by them.
      const taken = bounded(
        answers.map(({ site }, at) => ({ site, what: 'steps', number: steps[at] ?? 0 })),
        ratio,
      );
      const mean = shares.reduce((sum, share, at) => sum + share * (taken.weights[at] ?? 0), 0);
      const weights = shares.map((share, at) => (share * mean) / (steps[at] ?? 1));
      const base = global;
      const step = {
        round,
        reducer: 'buffered',
        options: { learningRate: 1 },
        base,
        answers,
        weights,
        notes: [...notes, ...taken.notes],
      } as const;
      global = await federation.reduce(step);
      const isKept = options.cross_site_evaluation && round === numRounds;
      last = await closeTraining(federation, global, { round, base, answers, isKept });
    }
    await scoreLast(federation, { round: numRounds + 1, global, last });
    return global;
  },
};
