import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { setFlag } from '../../output/flags.ts';
import { renderPrivacyPlan } from '../../output/privacy-plan-text.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { type PrivacyPlan, planPrivacy } from '../../runtime/federation/private-plan.ts';
import { parseOverride } from '../../runtime/job/variables.ts';

const ratio = z
  .number()
  .describe('length of the signal of all steps over that of the noise; below 3 little is learnt');

const resultSchema: z.ZodType<PrivacyPlan> = z.object({
  job: z.string(),
  unit: z.literal('group'),
  delta: z.number(),
  epsilon: z
    .number()
    .describe('of the whole job, for each group of each site, by privacy loss distributions'),
  epsilon_rdp: z.number().describe('the same by Renyi divergences, which add up over jobs'),
  rdp_order: z.number(),
  noise: z.number().describe('standard deviation over the most that one group adds to a step'),
  clip: z.number(),
  sampling_rate: z.number(),
  steps: z.int().describe('of each site, over all rounds'),
  parameters: z.int().describe('numbers that are trained'),
  signal_to_noise: ratio,
  sites: z.array(
    z.object({
      name: z.string(),
      groups: z.int().describe('in its training part'),
      batch: z.number().describe('groups that a step draws, on average'),
      noise_of_mean: z
        .number()
        .describe('standard deviation in each number of the mean gradient, over the clip'),
      signal_to_noise: ratio,
    }),
  ),
  levers: z.array(
    z.object({ change: z.string(), noise: z.number(), gain: z.number(), signal_to_noise: ratio }),
  ),
  repeats: z.array(z.object({ what: z.string(), times: z.int(), epsilon_rdp: z.number() })),
  target: z
    .object({
      epsilon: z.number(),
      noise: z.number().nullable(),
      signal_to_noise: z.number().nullable(),
      runs: z.int().describe('how often a budget of this epsilon bears the job as it is'),
    })
    .nullable(),
});

export default class PrivacyPlanCommand extends BaseCommand<PrivacyPlan> {
  static override summary = 'what a private job promises, and what it costs';
  static override description =
    'Epsilon by two accountants, the noise, what is left of the signal, what would gain how much, and what repeating the job comes to. Trains nothing, and needs no data with --groups.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> jobs/private',
    '<%= config.bin %> <%= command.id %> jobs/private --groups 300 --target-epsilon 3',
  ];
  static override args = { job: Args.string({ required: true, description: 'job folder' }) };
  static override flags = {
    groups: Flags.integer({
      min: 1,
      max: 100_000_000,
      summary: 'groups of people that each site trains on; default: as the split of the job says',
    }),
    'target-epsilon': Flags.string({ summary: 'say what this epsilon would take, too' }),
    set: setFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<PrivacyPlan> {
    const { args, flags } = await this.parse(PrivacyPlanCommand);
    const target = flags['target-epsilon'];
    return planPrivacy({
      job: args.job,
      overrides: flags.set.map(parseOverride),
      groups: flags.groups,
      target: target === undefined ? undefined : epsilonOf(target),
    });
  }

  protected override render(plan: PrivacyPlan): string {
    return renderPrivacyPlan(plan);
  }
}

const MOST = 100;

function epsilonOf(text: string): number {
  const epsilon = Number(text);
  if (text.trim() !== '' && epsilon > 0 && epsilon <= MOST) return epsilon;
  throw flError('NF_PRIVACY_PLAN', {
    reason: `--target-epsilon is ${text}`,
    advice: `Give a number over 0, at most ${MOST}: 8, for example.`,
  });
}
