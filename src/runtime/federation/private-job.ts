import { countPeople } from '../../preprocess/bids/participants.ts';
import type { Subjects } from '../../preprocess/select/read-subjects.ts';
import type { SplitManifest } from '../../preprocess/split/manifest.ts';
import { flError } from '../base/errors/errors.ts';
import { isCrossSite } from '../job/cross-site.ts';
import type { JobDefinition } from '../job/definition.ts';
import { harmonisationOf } from '../job/harmonisation.ts';
import { NUMERIC_DELTA, type PrivacyDefinition } from '../job/privacy.ts';
import { noiseFor } from '../privacy/calibrate.ts';

/** A site with the groups of people that it trains on. */
export interface SiteGroups {
  readonly name: string;
  readonly groups: number;
}

/** Training groups of each site, as far as a split says. */
export function trainingGroups(
  { split, subjects }: { readonly split: SplitManifest | undefined; readonly subjects: Subjects | undefined },
  sites: readonly string[],
): readonly SiteGroups[] | undefined {
  if (!split || !subjects) return undefined;
  const rows = new Map(subjects.rows.map((row) => [row.id, row]));
  return split.sites
    .filter(({ name }) => sites.includes(name))
    .map(({ name, train }) => ({ name, groups: countPeople(train.flatMap((id) => rows.get(id) ?? [])) }));
}

/** Workflows in which a site trains once a round, and gives nothing but its model and figures. */
const COUNTED: readonly string[] = ['fedavg', 'fedprox', 'fedopt', 'fedexp'];

/**
 * What a private job must be, as far as it can be told without its data.
 * @throws NF_PRIVACY_PLAN, NF_PRIVACY_EPOCHS
 */
export function requirePrivate(job: JobDefinition): void {
  const { privacy, workflow, model, executor } = job;
  if (!privacy) return;
  const refuse = (reason: string, advice: string, key: string) =>
    flError('NF_PRIVACY_PLAN', { reason, advice }, { place: { key } });
  if (!COUNTED.includes(workflow.type))
    throw refuse(
      `in ${workflow.type} a site gives more than one model a round, which nobody counts yet`,
      `Set workflow.type to ${COUNTED.join(', ')}.`,
      'workflow.type',
    );
  if (model.kind !== 'built')
    throw refuse(
      'its gradients are those of a network, and the job begins with arrays',
      'Name a network (model.type), for example mri-cnn; model.import begins with the values of another one.',
      'model',
    );
  const beside = besideTraining(job);
  if (beside)
    throw refuse(
      `workflow.${beside} looks at pictures beside the steps that are counted`,
      'Leave it out of a private job.',
      `workflow.${beside}`,
    );
  const args = [executor.args, ...Object.values(job.siteArgs)];
  if (args.some((given) => 'epochs' in given))
    throw flError(
      'NF_PRIVACY_EPOCHS',
      { key: 'executor.args.epochs', steps: Math.max(1, Math.round(1 / privacy.samplingRate)) },
      { place: { key: 'executor.args.epochs' } },
    );
  noiseOfJob(job, privacy);
}

/** What of a workflow reads pictures, or trains on them, outside the steps that are counted. */
function besideTraining({ workflow }: JobDefinition): string | undefined {
  const { options } = workflow;
  if (harmonisationOf(workflow) !== undefined) return 'harmonisation';
  if (isCrossSite(workflow)) return 'cross_site_evaluation';
  return 'personalize_rounds' in options && options.personalize_rounds > 0 ? 'personalize_rounds' : undefined;
}

/** Steps of a site over the whole job: it may be drawn for every round. */
export function stepsOfJob(
  { numRounds }: { readonly numRounds: number },
  privacy: PrivacyDefinition,
): number {
  return numRounds * privacy.stepsPerRound;
}

/** Noise is a number that people can write down. */
const DIGITS = 1e4;

/**
 * The noise of a job, over what one group may add: given, or the least (by PLD) that keeps to its epsilon.
 * @throws NF_PRIVACY_PLAN
 */
export function noiseOfJob(
  { workflow }: Pick<JobDefinition, 'workflow'>,
  privacy: PrivacyDefinition,
): number {
  const { epsilon, noise, samplingRate: rate, delta } = privacy;
  const refuse = (reason: string, advice: string, key: string) =>
    flError('NF_PRIVACY_PLAN', { reason, advice }, { place: { key: `privacy.${key}` } });
  if (epsilon !== undefined && noise !== undefined)
    throw refuse(
      'it has epsilon and noise, and one follows from the other',
      'Leave one of privacy.epsilon and privacy.noise out.',
      'noise',
    );
  if (noise !== undefined) return noise;
  if (epsilon === undefined)
    throw refuse(
      'it has neither epsilon nor noise',
      'Set privacy.epsilon, 8 for example; the noise is worked out from it.',
      'epsilon',
    );
  const steps = stepsOfJob(workflow, privacy);
  const least = noiseFor({ rate, steps, epsilon, delta: delta - NUMERIC_DELTA }, 'pld');
  if (least === undefined)
    throw refuse(
      `no noise keeps ${steps} steps at a rate of ${rate} to an epsilon of ${epsilon}`,
      'Set privacy.epsilon higher, or privacy.steps_per_round, privacy.sampling_rate or workflow.num_rounds lower.',
      'epsilon',
    );
  return Math.ceil(least * DIGITS) / DIGITS;
}

/** @throws NF_PRIVACY_DELTA where the promise may fail for one person of a site */
export function requireDelta({ delta }: PrivacyDefinition, sites: readonly SiteGroups[]): void {
  for (const { name: site, groups } of sites) {
    if (delta * groups < 1) continue;
    const power = (below: number) => 10 ** Math.floor(Math.log10(below / groups) - 1e-9);
    throw flError(
      'NF_PRIVACY_DELTA',
      { delta, site, groups, most: shown(power(1)), best: shown(power(0.1)) },
      { place: { site, key: 'privacy.delta' } },
    );
  }
}

function shown(number: number): string {
  return String(Number(number.toPrecision(3)));
}
