import { z } from 'zod';
import { flError } from '../../base/errors/errors.ts';
import { bounded, boundedShares } from '../bounded-weights.ts';
import { ROUNDS, roundFaults } from '../options.ts';
import { buffered } from '../reducers/buffered.ts';
import { trainRounds } from '../rounds.ts';
import { taskId } from '../task.ts';
import { type Answer, declareWorkflow } from '../workflow.ts';

/** What a site says of its training: how many steps of SGD it took. */
const STEPS = { least: 1, most: 1e12 } as const;
const stepsSchema = z.number().min(STEPS.least).max(STEPS.most);

/**
 * FedNova (Wang et al., "Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization", 2020, for plain SGD): what a
 * site moved is divided by the steps it took, so that sites that step more often do not pull the model to themselves; the server moves by
 * the mean of that, weighted by examples, times the mean number of steps. Scripts say their steps as the value `steps`.
 */
export const workflow = declareWorkflow({
  summary:
    'sites that take more steps than others do not pull the model to themselves; scripts say theirs as `values: { steps }`, 1 at least; what a site says counts as `max_weight_ratio` times the median of the others at most',
  source: 'Wang et al. 2020',
  options: ROUNDS,
  reducers: [buffered],
  tasks: {
    train: {
      when: 'training',
      answer: { model: { form: 'subset:model' } },
      values: { steps: { most: 30, number: STEPS } },
    },
  },
  faults: roundFaults,
  run: (federation, job) => {
    const { maxWeightRatio: ratio } = job;
    return trainRounds(federation, job, ({ round, base, answers }) => {
      const { weights: shares, notes } = boundedShares(answers, ratio);
      const steps = answers.map((answer) => stepsOf(answer, round));
      // Who says that it took many moves the updates of all others by them.
      const taken = bounded(
        answers.map(({ site }, at) => ({ site, what: 'steps', number: steps[at] ?? 0 })),
        ratio,
      );
      const mean = shares.reduce((sum, share, at) => sum + share * (taken.weights[at] ?? 0), 0);
      return federation.reduce({
        round,
        reducer: buffered,
        options: { learningRate: 1 },
        base,
        answers,
        weights: shares.map((share, at) => (share * mean) / (steps[at] ?? 1)),
        notes: [...notes, ...taken.notes],
      });
    });
  },
});

function stepsOf({ site, values }: Answer, round: number): number {
  const { success, data } = stepsSchema.safeParse(values?.steps);
  if (success) return data;
  const reason = `it is no number from ${STEPS.least} to ${STEPS.most}`;
  const task = taskId({ name: 'train', round, site });
  throw flError('NF_PAYLOAD_FORM', { file: 'steps', task, reason }, { place: { site, round } });
}
