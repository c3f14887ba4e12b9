import { counted } from '../runtime/base/text/counted.ts';
import { threeDigits } from '../runtime/base/text/three-digits.ts';
import type { PrivacyPlan } from '../runtime/federation/private-plan.ts';
import { renderTable } from './table.ts';

/** Sites shown each in a row of their own. */
const MOST_SITES = 12;

/** What a private job promises, for people. */
export function renderPrivacyPlan(plan: PrivacyPlan): string {
  const { job, sites, target } = plan;
  return [
    `${job}: epsilon ${threeDigits(plan.epsilon)} at delta ${plan.delta}, for each group of people of each site.`,
    `By Renyi divergences, which add up over jobs: ${threeDigits(plan.epsilon_rdp)} (order ${plan.rdp_order}).`,
    `Noise ${threeDigits(plan.noise)} of what one group may add, rate ${threeDigits(plan.sampling_rate)}, ${counted(plan.steps, 'step')}, ${counted(plan.parameters, 'trained number')}.`,
    '',
    renderTable(
      ['site', 'groups', 'in a step', 'noise over clip', 'signal over noise'],
      [
        ...sites
          .slice(0, MOST_SITES)
          .map((site) => [
            site.name,
            String(site.groups),
            threeDigits(site.batch),
            threeDigits(site.noise_of_mean),
            threeDigits(site.signal_to_noise),
          ]),
        [
          sites.length > MOST_SITES ? `all ${sites.length} sites` : 'all sites',
          '',
          '',
          '',
          threeDigits(plan.signal_to_noise),
        ],
      ],
    ),
    LITTLE > plan.signal_to_noise ? `Below ${LITTLE} little is learnt.` : '',
    renderTable(
      ['what would change it', 'noise for the same epsilon', 'signal over noise', 'gain'],
      plan.levers.map((lever) => [
        lever.change,
        threeDigits(lever.noise),
        threeDigits(lever.signal_to_noise),
        threeDigits(lever.gain),
      ]),
    ),
    '',
    renderTable(
      ['of a group that is in all of it', 'trainings', 'epsilon'],
      plan.repeats.map(({ what, times, epsilon_rdp: epsilon }) => [
        what,
        String(times),
        threeDigits(epsilon),
      ]),
    ),
    ...(target ? ['', targetText(target)] : []),
  ].join('\n');
}

const LITTLE = 3;

function targetText({ epsilon, noise, signal_to_noise: ratio, runs }: NonNullable<PrivacyPlan['target']>) {
  const takes =
    noise === null || ratio === null
      ? 'no noise reaches it'
      : `it takes a noise of ${threeDigits(noise)}, which leaves a signal over noise of ${threeDigits(ratio)}`;
  return `Epsilon ${epsilon}: ${takes}. A budget of it bears this job ${runs === 1 ? 'once' : counted(runs, 'time')}.`;
}
