import { COLUMN, countPeople } from '../../preprocess/bids/participants.ts';
import { flError } from '../base/errors/errors.ts';
import { LEAST_PEOPLE } from '../base/least-people.ts';
import { type JobDefinition, NETWORK_TYPE } from '../job/definition.ts';
import { isJudgedAtSites } from '../job/evaluation.ts';
import type { RunPlan } from '../job/plan.ts';
import { parseModelSpec, requireClassifier } from '../learning/models/spec.ts';
import { type KnownPeople, peopleOfSites } from './people-of-sites.ts';

/** Whether sites can judge the model of a job that asks them to. @throws NF_JOB_EVALUATION */
export function requireJudgeable({ workflow, model, data }: JobDefinition): void {
  if (!isJudgedAtSites(workflow)) return;
  const key = workflow.type === 'evaluation' ? 'workflow.type' : 'workflow.final_evaluation';
  const refuse = (reason: string, at = key) =>
    flError('NF_JOB_EVALUATION', { reason }, { place: { key: at } });
  const network = requireNamed({ model, data }, refuse);
  if (workflow.type !== 'evaluation') return;
  if (network.spec.type === NETWORK_TYPE)
    throw refuse(
      'the file that it names is a network that stays as it is (model.type backbone); the job that trains has its sites judge it with workflow.final_evaluation',
      'model',
    );
  if (network.importFrom === undefined)
    throw refuse(
      'it names no trained model (model.import), and the first values from the seed are nothing to judge',
      'model',
    );
}

/**
 * Sites judge on data, by a network whose classes are named.
 * @returns the network @throws what `refuse` makes of a reason and its key, NF_MODEL_TASK
 */
export function requireNamed(
  { model, data }: Pick<JobDefinition, 'model' | 'data'>,
  refuse: (reason: string, key?: string) => Error,
): Extract<JobDefinition['model'], { kind: 'built' }> {
  if (!data) throw refuse('the job names no data (data.root)');
  if (model.kind !== 'built')
    throw refuse('its network is known to the script alone (model.type is missing)', 'model');
  if (requireClassifier(parseModelSpec(model.spec)).classes === undefined)
    throw refuse('the network does not name its classes (model.classes)', 'model');
  return model;
}

/**
 * What a split shows before work starts: some site has test images of which it may tell. A site may ask for more people by its own policy.
 * @throws NF_EVALUATION_EMPTY, NF_EVALUATION_FEW where no site has
 */
export function requireTested({ job, sites }: Pick<RunPlan, 'job' | 'sites'>, known: KnownPeople): void {
  if (!isJudgedAtSites(job.workflow)) return;
  const tested = peopleOfSites(known, sites, 'test') ?? [];
  const [first] = tested;
  const isTold = ({ people }: (typeof tested)[number]) => {
    const classes = Map.groupBy(people, ({ values }) => values.get(COLUMN.diagnosis));
    return [...classes.values()].some((own) => countPeople(own) >= LEAST_PEOPLE);
  };
  if (!first || tested.some(isTold)) return;
  const { site } = first;
  const place = { place: { site } };
  if (first.people.length === 0) throw flError('NF_EVALUATION_EMPTY', { site }, place);
  throw flError('NF_EVALUATION_FEW', { site, least: LEAST_PEOPLE }, place);
}
