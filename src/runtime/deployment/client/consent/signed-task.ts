import { flError } from '../../../base/errors/errors.ts';
import { deriveSeed } from '../../../base/random.ts';
import type { Intake } from '../../../federation/intake/intake.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import { LOCAL_FILES } from '../../../job/job-paths.ts';
import type { AssignedTask } from '../../../network/messages/site.ts';
import type { ModelForm } from '../../../network/messages/terms.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { LastTask } from '../memory/job-memory.ts';
import type { Offered } from './decide.ts';

/** Another writer's header may be longer than ours. */
const HEADER_SLACK = 1024 * 1024;

/** What a job's tasks are held to, from what was signed. */
export interface TaskLimits {
  readonly site: string;
  readonly job: JobDefinition;
  /** Undefined of a job of version 0.1.0 whose model came apart from its files. */
  readonly model: ModelForm | undefined;
  /** ISO 8601, UTC. */
  readonly expires: string | undefined;
}

/**
 * Refuses a task that is not one of the signed job: of a round beyond its rounds, of another kind, of a round that is behind, with
 * another seed, after its end, or with a model that cannot be its model. The model's form is looked at when it is here.
 * @throws NF_TASK_NOT_SIGNED
 */
export function requireSignedTask(
  task: AssignedTask,
  { site, job, model, expires }: TaskLimits,
  { last, now = new Date() }: { last: LastTask; now?: Date },
): void {
  const { round } = task;
  const refuse = (reason: string) =>
    flError('NF_TASK_NOT_SIGNED', { round, reason }, { place: { site, round } });
  const { numRounds } = job.workflow;
  const kind = round <= numRounds ? 'train' : 'evaluate';
  if (round > numRounds + 1) throw refuse(`it has ${numRounds} rounds and one evaluation`);
  if (task.kind !== kind) throw refuse(`its round ${round} is there to ${kind}, not to ${task.kind}`);
  if (task.total_rounds !== numRounds) throw refuse(`it has ${numRounds} rounds, not ${task.total_rounds}`);
  if (task.seed !== deriveSeed(job.seed, job.name, site, round)) throw refuse('its seed is another one');
  if (expires !== undefined && Date.parse(expires) <= now.getTime()) throw refuse(`it ended on ${expires}`);
  if (last && round < last.round) throw refuse(`round ${last.round} has begun here`);
  if (last && round === last.round && task.model.sha256 !== last.model_sha256)
    throw refuse('the round has begun here with another model');
  if (!model) return;
  if (task.model.size > model.size + HEADER_SLACK)
    throw refuse(`a model of it has ${model.size} bytes, not ${task.model.size}`);
  const { initial_sha256: initial } = model;
  if (round === 1 && initial !== undefined && task.model.sha256 !== initial)
    throw refuse('it begins with another model');
}

/** What was signed; of a job of version 0.1.0, what stands in its files, which were. */
export async function limitsOf(
  { signed: { terms }, job }: Offered,
  { site, folder, intake }: { site: string; folder: SiteJobFolder; intake: Intake },
): Promise<TaskLimits> {
  if (terms.version === 2) return { site, job, model: terms.model, expires: terms.expires };
  const files = { folder: folder.bundle, job, mostModelBytes: LOCAL_FILES.mostBytes };
  const model = await intake.run('form', files).catch(() => undefined);
  return { site, job, model, expires: undefined };
}
