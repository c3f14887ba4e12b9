import { isEvaluationTask } from '../../../algorithms/evaluation/tasks.ts';
import {
  type FilesForm,
  keyText,
  mostBytes,
  seedOfTask,
  type TaskForm,
  wrongAbout,
} from '../../../algorithms/task.ts';
import { flError } from '../../../base/errors/errors.ts';
import type { Intake } from '../../../federation/intake/intake.ts';
import { requireForm } from '../../../federation/model-form.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { LOCAL_FILES } from '../../../job/job-paths.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { ModelForm } from '../../../network/messages/terms.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { LastTask } from '../memory/job-memory.ts';
import { inputsDigest, siteTaskOf } from '../tasks/site-task.ts';
import type { Offered } from './decide.ts';

/** What a job's tasks are held to, from what was signed. */
export interface TaskLimits {
  readonly site: string;
  readonly job: JobDefinition;
  /** Undefined of a job of version 0.1.0 whose model came apart from its files. */
  readonly model: ModelForm | undefined;
  /** ISO 8601, UTC. */
  readonly expires: string | undefined;
  /** The sites that the job was signed for; undefined: any. */
  readonly clients?: readonly string[] | undefined;
}

/**
 * Refuses a task that is not one of the signed job: of another site, of a round beyond its rounds, one that its workflow does not have
 * then, of a round that is behind, with another seed, after its end, or with a model that cannot be its model. The form of what it begins
 * with is looked at when it is here.
 * @throws NF_TASK_NOT_SIGNED
 */
export function requireSignedTask(
  assigned: AssignedTask,
  { site, job, model, expires, clients }: TaskLimits,
  { last, now = new Date() }: { last: LastTask; now?: Date },
): void {
  const task = siteTaskOf(assigned, job);
  const { name, round, form, inputs } = task;
  const refuse = (reason: string) =>
    flError('NF_TASK_NOT_SIGNED', { round, reason }, { place: { site, round } });
  const { numRounds } = job.workflow;
  const isAfter = round > numRounds;
  if (task.site !== site) throw refuse(`it is of ${task.site}`);
  const wrong = wrongAbout(task, form, clients);
  if (wrong !== undefined) throw refuse(wrong);
  if (round > numRounds + 1) throw refuse(`it has ${numRounds} rounds and one evaluation`);
  if (isAfter !== (form.when === 'after'))
    throw refuse(`its round ${round} is there to ${isAfter ? 'evaluate' : 'train'}, not to ${name}`);
  if (form.isFirst && round > 1) throw refuse(`${name} belongs before the first training`);
  if (task.totalRounds !== numRounds) throw refuse(`it has ${numRounds} rounds, not ${task.totalRounds}`);
  if (task.seed !== seedOfTask(job, task)) throw refuse('its seed is another one');
  if (expires !== undefined && Date.parse(expires) <= now.getTime()) throw refuse(`it ended on ${expires}`);
  if (last && round < last.round) throw refuse(`round ${last.round} has begun here`);
  const begun = last?.round === round ? last.inputs[keyText(task)] : undefined;
  if (begun !== undefined && begun !== inputsDigest(inputs))
    throw refuse('the round has begun here with another model');
  const wanted = inputsForm(form);
  for (const file of Object.keys(wanted))
    if (!inputs[file] && !wanted[file]?.optional) throw refuse(`its '${file}' is missing`);
  for (const [file, { size, sha256 }] of Object.entries(inputs)) {
    const rule = wanted[file];
    if (!rule) throw refuse(`it has no input '${file}'`);
    if (!model) continue;
    if (size > mostBytes(rule, model.size))
      throw refuse(`a ${file} of it has ${model.size} bytes, not ${size}`);
    const { initial_sha256: initial } = model;
    const isFirst = file === 'model' && round === 1 && (name === 'train' || isOnlyJudged(form, name));
    if (isFirst && initial !== undefined && sha256 !== initial) throw refuse('it begins with another model');
  }
}

/** The model of a job that trains none is the one that was signed. */
function isOnlyJudged({ when }: TaskForm, name: string): boolean {
  return when === 'training' && isEvaluationTask(name);
}

/** What a task begins with. */
function inputsForm({ inputs }: TaskForm): FilesForm {
  return { model: { form: 'like:model' }, ...inputs };
}

/** @throws NF_JOB_TERMS, NF_TENSORS_FILE of arrays that are not those of the job's model */
export async function requireInputForms(
  assigned: AssignedTask,
  { job, model, folder }: TaskLimits & { readonly folder: SiteJobFolder },
): Promise<void> {
  if (!model) return;
  const { form, inputs } = siteTaskOf(assigned, job);
  const wanted = inputsForm(form);
  for (const [name, { sha256 }] of Object.entries(inputs))
    if (wanted[name]?.form === 'like:model') await requireForm(folder.model(sha256), model);
}

/** What was signed; of a job of version 0.1.0, what stands in its files, which were. */
export async function limitsOf(
  { signed: { terms }, job }: Offered,
  { site, folder, intake }: { site: string; folder: SiteJobFolder; intake: Intake },
): Promise<TaskLimits> {
  if (terms.version === 2)
    return { site, job, model: terms.model, expires: terms.expires, clients: terms.clients ?? undefined };
  const files = { folder: folder.bundle, job, mostModelBytes: LOCAL_FILES.mostBytes };
  const model = await intake.run('form', files).catch(() => undefined);
  return { site, job, model, expires: undefined };
}
