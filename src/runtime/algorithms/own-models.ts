import { z } from 'zod';
import type { OwnModel, TaskForm } from './task.ts';
import { type Federation, type OptionFault, type Payload, WITHOUT_FAILED } from './workflow.ts';

/** Models that sites have of their own: trained beside the rounds, or after them, and scored by the images of their site. None leaves it. */

const MOST_ROUNDS = 1000;

/** Keys under `workflow`. */
export const TRAIN_ALONE = {
  train_alone: z
    .boolean()
    .default(true)
    .describe(
      'where sites end with models of their own, whether each also trains one without the others, from the first round on; it is one of those it chooses from, and takes as long as its training in the federation',
    ),
} as const;

export const PERSONALIZE = {
  personalize_rounds: z
    .int()
    .min(0)
    .max(MOST_ROUNDS)
    .default(0)
    .describe(
      'rounds in which each site trains the last global model on for itself, in the end; it then has the best of this personal model, the global one and the one that it trained alone, by its validation images. None of its own leaves it; 0: no site does',
    ),
  personalize_tensors: z
    .array(z.string().min(1).max(1000))
    .max(1000)
    .default([])
    .describe(
      'names of the arrays that are trained then, the others staying as they are in the global model; `*` stands for any characters; where none is named all are',
    ),
  ...TRAIN_ALONE,
} as const;

/** What a workflow's options say of them; those that it does not have are undefined. */
export interface OwnOptions {
  readonly personalize_rounds?: number;
  readonly train_alone?: boolean;
}

/** Of the keys that a job has under `workflow`. */
export function personalizeFaults(given: Readonly<Record<string, unknown>>): readonly OptionFault[] {
  const { personalize_rounds: rounds = 0, local_tensors: local } = given;
  if (rounds === 0)
    return ['personalize_tensors', 'train_alone'].flatMap((key) =>
      given[key] === undefined || isNone(given[key])
        ? []
        : [{ key, message: 'has a meaning with personalize_rounds alone' }],
    );
  if (local === undefined || isNone(local)) return [];
  return [
    {
      key: 'personalize_rounds',
      message: 'cannot be used with local_tensors, by which each site has a model of its own',
    },
  ];
}

function isNone(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The tasks of a site's own models, by name. */
const NAMES = {
  train: { personal: 'train_personal', alone: 'train_alone' },
  score: { personal: 'score_personal', alone: 'score_alone' },
  personalize: 'personalize',
} as const;

/** Tasks of own models that a job with these options has. @param values what its training tasks bring as JSON */
export function ownTasks(
  { personalize_rounds: steps, train_alone: alone = false }: OwnOptions,
  values?: TaskForm['values'],
): Readonly<Record<string, TaskForm>> {
  if (steps === 0) return {};
  return {
    ...(steps !== undefined && personalTasks(steps, values)),
    ...(alone && trainedBeside('alone', values)),
    ...(alone && scoreTask('alone')),
  };
}

function personalTasks(steps: number, values: TaskForm['values']): Readonly<Record<string, TaskForm>> {
  const form: TaskForm = {
    when: 'after',
    isAbout: stepNames(steps),
    answer: {},
    own: { model: 'personal', trains: true, steps },
  };
  return { [NAMES.personalize]: { ...form, ...(values && { values }) }, ...scoreTask('personal') };
}

/** The task of a model that is trained in each round, beside the global one. */
export function trainedBeside(
  model: OwnModel,
  values?: TaskForm['values'],
): Readonly<Record<string, TaskForm>> {
  const form: TaskForm = { when: 'training', isAbout: [model], answer: {}, own: { model, trains: true } };
  return { [NAMES.train[model]]: { ...form, ...(values && { values }) } };
}

export function scoreTask(model: OwnModel): Readonly<Record<string, TaskForm>> {
  return { [NAMES.score[model]]: { when: 'after', isAbout: [model], answer: {}, own: { model } } };
}

/** Which of a site's own models a task of this name scores. */
export function ownScored(name: string): OwnModel | undefined {
  if (name === NAMES.score.personal) return 'personal';
  return name === NAMES.score.alone ? 'alone' : undefined;
}

function stepNames(steps: number): string[] {
  return Array.from({ length: steps }, (_, index) => String(index + 1));
}

interface Asked {
  readonly round: number;
  readonly sites: readonly string[];
  /** The global payload. */
  readonly inputs: Payload;
}

/** Each site trains a model of its own one round further. Returns the sites that did. @param begin what sites begin with that have none yet */
export async function trainBeside(
  federation: Federation,
  model: OwnModel,
  { round, sites, begin }: Omit<Asked, 'inputs'> & { readonly begin: (site: string) => Payload },
): Promise<string[]> {
  return askEach(federation, { name: NAMES.train[model], round, about: model, inputs: begin }, sites);
}

/** Each site trains the global model on for itself. */
export async function personalize(
  federation: Federation,
  steps: number,
  { round, sites, inputs }: Asked,
): Promise<string[]> {
  let left = [...sites];
  for (const about of stepNames(steps))
    left = await askEach(federation, { name: NAMES.personalize, round, about, inputs }, left);
  return left;
}

export async function scoreOwn(
  federation: Federation,
  model: OwnModel,
  { round, sites, inputs }: Asked,
): Promise<void> {
  await askEach(federation, { name: NAMES.score[model], round, about: model, inputs }, sites);
}

async function askEach(
  federation: Federation,
  task: Parameters<Federation['exchange']>[0],
  sites: readonly string[],
): Promise<string[]> {
  if (sites.length === 0) return [];
  const answers = await federation.exchange(task, sites, WITHOUT_FAILED);
  return answers.map(({ site }) => site);
}
