import { COLUMN, countPeople } from '../../preprocess/bids/participants.ts';
import { requireCompared } from '../algorithms/harmonisation/harmonise.ts';
import { flError } from '../base/errors/errors.ts';
import { LEAST_PEOPLE } from '../base/least-people.ts';
import { counted } from '../base/text/counted.ts';
import type { JobDefinition } from '../job/definition.ts';
import { harmonisationOf } from '../job/harmonisation.ts';
import type { RunPlan } from '../job/plan.ts';
import {
  classesOfModel,
  dimensionsOf,
  inputChannels,
  parseModelSpec,
  requireClassifier,
} from '../learning/models/spec.ts';
import { type KnownPeople, peopleOfSites } from './people-of-sites.ts';

const KEY = { place: { key: 'workflow.harmonisation' } };

/** Whether a job has what harmonisation works on. @throws NF_JOB_HARMONISATION */
export function requireHarmonisable({ workflow, model, data }: JobDefinition): void {
  if (harmonisationOf(workflow) === undefined) return;
  const refuse = (reason: string) => flError('NF_JOB_HARMONISATION', { reason }, KEY);
  if (!data) throw refuse('the job names no data (data.root)');
  if (model.kind !== 'built')
    throw refuse('the job names no network whose pictures could be harmonised (model.type)');
  const spec = requireClassifier(parseModelSpec(model.spec));
  if (inputChannels(spec) > 1)
    throw refuse('its pictures have several contrasts, and each would need landmarks of its own');
  if (dimensionsOf(spec) === 3)
    throw refuse(
      'its network sees volumes as a whole (model.dimensions 3), and slices are what is harmonised',
    );
  if (spec.classes === undefined)
    throw refuse('the network does not name its classes (model.classes), by which sites are compared');
  if (workflow.clientsPerRound !== undefined)
    throw refuse(
      'sites are drawn anew for each round (workflow.clients_per_round), and those that are not in the first one would go without',
    );
}

/**
 * What a split shows before work starts: each site has enough people for sums that may leave it, and sites can be compared. A site may ask
 * for more people by its own policy, which shows at the site.
 * @throws NF_HARMONISE_FEW, NF_HARMONISE_CONFOUNDED, NF_HARMONISE_ALONE
 */
export function requireComparable({ job, sites }: Pick<RunPlan, 'job' | 'sites'>, known: KnownPeople): void {
  const method = harmonisationOf(job.workflow);
  const { model } = job;
  if (method === undefined || model.kind !== 'built') return;
  const trained = peopleOfSites(known, sites, 'train');
  if (!trained) return;
  const classes = classesOfModel(parseModelSpec(model.spec)) ?? [];
  const told = trained.map(({ site, people: own }) => {
    const people = classes.map((label) =>
      countPeople(own.filter(({ values }) => values.get(COLUMN.diagnosis) === label)),
    );
    const pictures = people.map((count) => (count >= LEAST_PEOPLE ? count : 0));
    const params = { site, least: LEAST_PEOPLE };
    const isFew =
      method === 'nyul' ? countPeople(own) < LEAST_PEOPLE : pictures.every((count) => count === 0);
    const what =
      method === 'nyul'
        ? counted(countPeople(own), 'person', 'people')
        : classes.map((label, at) => `${people[at] ?? 0} of ${label}`).join(', ');
    if (isFew)
      throw flError(
        'NF_HARMONISE_FEW',
        { ...params, what, other: method === 'nyul' ? 'none' : 'nyul' },
        { place: { site, ...KEY.place } },
      );
    return { site, pictures };
  });
  if (method === 'combat') requireCompared(told);
}
