import { broughtBy, type TaskForm, type TaskParts } from '../algorithms/task.ts';
import { type JobDefinition, modelIn } from '../job/definition.ts';
import { localTensorsOf } from '../job/local-tensors.ts';
import { personalTensorsOf } from '../job/personal-tensors.ts';
import { argsOfSite } from '../job/plan.ts';
import { noiseOfJob } from '../job/privacy.ts';
import { hasOwnModels } from '../job/workflow-tasks.ts';
import type { SiteData } from './client-api/fl-model.ts';
import type { TaskOrder } from './executor/messages.ts';
import { keepsTensors } from './kept.ts';
import type { CodePlace } from './script/resolve-hooks.ts';

/** What a site is to do. */
export interface Task extends TaskParts {
  readonly id: string;
  /** What it is given, and what its answer brings. */
  readonly form: TaskForm;
  readonly totalRounds: number;
  /** Of the task, as `seedOfTask` makes it. */
  readonly seed: number;
}

/** Where a task finds its files, and where its script leaves what it sends; absolute paths. */
export interface TaskPlaces {
  readonly code: CodePlace;
  readonly data: SiteData | undefined;
  /** Of each input by its name, the model among them. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What the site kept. */
  readonly state: string | undefined;
  readonly home?: string;
  /** What frozen networks made of the pictures of the site. */
  readonly features?: string;
  readonly output: TaskOrder['output'];
}

interface SiteJob {
  readonly site: string;
  readonly job: JobDefinition;
  /** A sum that leaves the site is over as many people at least. */
  readonly leastPeople?: number | undefined;
}

/** The order for whoever runs the script of a task. */
export function taskOrder(
  task: Task,
  { site, job, leastPeople }: SiteJob,
  { code, data, inputs, state, home, features, output }: TaskPlaces,
): TaskOrder {
  const { options } = job.workflow;
  const local = localTensorsOf(job.workflow);
  const personal = personalTensorsOf(job.workflow);
  const { selection, task: learnt } = job.data ?? {};
  return {
    task: {
      context: {
        task: task.name,
        ...(task.about !== undefined && { about: task.about }),
        form: { ...task.form, answer: broughtBy(task.form) },
        site,
        seed: task.seed,
        ...turnOf(task),
        jobName: job.name,
        args: argsOfSite(job, site),
        data: data && {
          ...data,
          ...(selection && { selection }),
          ...(learnt && { task: learnt }),
        },
        model: job.model.kind === 'built' ? modelIn(code.bundle, job.model.spec) : undefined,
        ...(local.length > 0 && { localTensors: local }),
        ...(leastPeople !== undefined && { leastPeople }),
        ...(keepsTensors(job) && { keepsTensors: true as const }),
        ...(hasOwnModels(job.workflow) && { hasOwnModels: true as const }),
        ...(task.name === 'personalize' && personal && { trainedTensors: personal }),
        ...ruleOf(task, options),
        ...privacyOf(task, job),
      },
      code,
      script: job.executor.trainScript,
      inputs,
      statePath: state,
    },
    ...(home !== undefined && { home }),
    ...(features !== undefined && { features }),
    output,
  };
}

/** A task that trains, of a private job: each site takes the same steps, with the same noise. */
function privacyOf(
  { id, form, seed }: Task,
  { privacy, workflow }: JobDefinition,
): Pick<TaskOrder['task']['context'], 'privacy'> {
  if (!privacy || form.answer.model === undefined) return {};
  const {
    delta,
    clip,
    samplingRate,
    stepsPerRound: steps,
    rowsPerGroup,
    insecureNoiseSeed: insecure,
  } = privacy;
  const noise = noiseOfJob(workflow, privacy);
  return {
    privacy: {
      terms: { noise, delta, clip, samplingRate, steps, rowsPerGroup },
      ...(insecure !== undefined && { insecureSeed: JSON.stringify([insecure, id, seed]) }),
    },
  };
}

/** Models of the site's own are trained as they are: what a rule keeps of the global one is untouched by them. */
function ruleOf(
  { form: { own } }: Task,
  options: JobDefinition['workflow']['options'],
): Pick<TaskOrder['task']['context'], 'rule'> {
  if ('scaffold_option' in options) return { rule: { kind: 'scaffold', option: options.scaffold_option } };
  if ('feddyn_alpha' in options) return { rule: { kind: 'feddyn', alpha: options.feddyn_alpha } };
  if ('proximal_mu' in options && !own) return { rule: { kind: 'fedprox', mu: options.proximal_mu } };
  if ('ditto_lambda' in options && own?.model === 'personal')
    return { rule: { kind: 'ditto', mu: options.ditto_lambda } };
  return {};
}

/** What a script is told of the rounds: of a task with steps of its own, these. */
function turnOf({ form: { own }, about, round, totalRounds }: Task) {
  if (own?.steps === undefined) return { totalRounds, currentRound: round };
  return { totalRounds: own.steps, currentRound: Number(about) };
}
