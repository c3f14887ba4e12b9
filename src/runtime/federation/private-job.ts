import { countPeople } from '../../preprocess/bids/participants.ts';
import { flError } from '../base/errors/errors.ts';
import { isCrossSite } from '../job/cross-site.ts';
import type { JobDefinition } from '../job/definition.ts';
import { isJudgedAtSites } from '../job/evaluation.ts';
import { harmonisationOf } from '../job/harmonisation.ts';
import { type GroupCount, noiseOfJob } from '../job/privacy.ts';
import { parseModelSpec } from '../learning/models/spec.ts';
import { type KnownPeople, peopleOfSites } from './people-of-sites.ts';

/** Training groups of each site, as far as a split says. */
export function trainingGroups(
  known: KnownPeople,
  sites: readonly string[],
): readonly GroupCount[] | undefined {
  return peopleOfSites(known, sites, 'train')?.map(({ site, people }) => ({
    name: site,
    groups: countPeople(people),
  }));
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
  if (parseModelSpec(model.spec).type === 'unet')
    throw refuse(
      'patches of volumes are not drawn by people yet',
      'Set model.type to mri-cnn or mri-resnet.',
      'model.type',
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
  noiseOfJob(job.workflow, privacy);
}

/** What of a workflow reads pictures, or trains on them, outside the steps that are counted. */
function besideTraining({ workflow }: JobDefinition): string | undefined {
  const { options } = workflow;
  if (harmonisationOf(workflow) !== undefined) return 'harmonisation';
  if (isCrossSite(workflow)) return 'cross_site_evaluation';
  if (isJudgedAtSites(workflow)) return 'final_evaluation';
  return 'personalize_rounds' in options && options.personalize_rounds > 0 ? 'personalize_rounds' : undefined;
}
