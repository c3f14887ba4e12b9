import { rm } from 'node:fs/promises';
import { sha256File } from '../kernel/digest.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import type { SitePolicy } from '../security/policy/site-policy.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AssignedTask, TaskResult } from '../wire/site.ts';
import type { SiteJobFolder } from './client-folder.ts';
import type { JobLog } from './job-log.ts';
import { clearOutbox, type Outbox, readOutbox } from './outbox.ts';
import { outgoing } from './outgoing.ts';
import type { ServerLink } from './server-link.ts';

export interface AnswerDeps {
  readonly site: string;
  readonly link: ServerLink;
  readonly folder: SiteJobFolder;
  readonly logger: Logger;
  readonly log: JobLog;
  /** Id of the job. */
  readonly job: string;
  /** Texts of the job file. */
  readonly known: ReadonlySet<string>;
  /** Read anew for each answer. */
  readonly policy: () => Promise<SitePolicy>;
  /** The task is taken back, or the job stopped. */
  readonly signal: AbortSignal;
  /** The job is stopped. */
  readonly stop: AbortSignal;
}

/** The answer to a task, if it was made before a restart; what is wrong with one is told. */
export async function finishedAnswer(
  folder: SiteJobFolder,
  task: AssignedTask,
  tell: (trouble: NeuroflareError) => void,
): Promise<Outbox | undefined> {
  const { value: outbox, trouble } = await readOutbox(folder);
  if (trouble) tell(trouble);
  if (outbox?.round !== task.round || outbox.model_sha256 !== task.model.sha256) return undefined;
  const damage = await damageOfUpdate(outbox.answer);
  if (damage) tell(damage);
  return damage ? undefined : outbox;
}

/** What is wrong with the file of an answer. */
async function damageOfUpdate(answer: Outbox['answer']): Promise<NeuroflareError | undefined> {
  if (!('result' in answer) || answer.file === undefined) return undefined;
  const path = answer.file;
  const found = await sha256File(path).catch((thrown: unknown) => toNeuroflareError(thrown));
  if (found === answer.result.update?.sha256) return undefined;
  const reason = typeof found === 'string' ? 'its bytes are others than those of the answer' : found.message;
  const what = 'The update of an answer that the server had not acknowledged';
  const mend = 'The task is done again.';
  return flError(
    'NF_WORK_FILE',
    { what, path, reason: reason.replace(/\.$/, ''), mend },
    { place: { file: path } },
  );
}

/** Sends an answer until the server has said what became of it, and forgets it then. */
export async function sendAnswer(outbox: Outbox, deps: AnswerDeps): Promise<void> {
  const { link, folder, logger, log, job, signal, stop, site, known } = deps;
  const { round } = outbox;
  await log.flush();
  const answer = await outgoing(outbox, { policy: await deps.policy(), known, folder, site });
  if ('failure' in answer && 'result' in outbox.answer)
    log.write('error', `${answer.failure.error.code}: ${answer.failure.error.message}`);
  try {
    if ('failure' in answer) await link.sendFailure(job, answer.failure, stop);
    else await sendResult(answer, deps);
    faultPoint('client:acknowledged');
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof NeuroflareError)) throw thrown;
    logger.warn({ job, round, ...thrown.report() }, 'the answer was refused');
    log.write('error', `round ${round}: ${thrown.code}: ${thrown.message}`);
    if ('result' in answer) await sendRefused(answer.result, thrown, deps);
  }
  await clearOutbox(folder);
  const file = 'file' in outbox.answer ? outbox.answer.file : undefined;
  if (file !== undefined) await rm(file, { force: true });
}

async function sendResult(
  { result, file }: Extract<Outbox['answer'], { result: unknown }>,
  { link, log, job, signal, stop }: AnswerDeps,
): Promise<void> {
  for (;;) {
    const { update, round } = result;
    if (update && file !== undefined) await link.sendUpdate(job, { round, file, ...update }, signal);
    faultPoint('client:uploaded');
    try {
      // Whether the task is still wanted does not matter any more: the server says so.
      const { verdict } = await link.sendResult(job, result, stop);
      log.write('debug', `round ${round}: ${verdict}`);
      return;
    } catch (error) {
      if (!(error instanceof NeuroflareError) || error.code !== 'NF_UPLOAD_MISSING') throw error;
    }
  }
}

/** The same work would be refused again: the round is to know that nothing else will come of it. */
async function sendRefused(
  { round, attempt }: TaskResult,
  refusal: NeuroflareError,
  { site, link, logger, job, stop }: AnswerDeps,
): Promise<void> {
  const error = { ...refusal.report(), place: { ...refusal.place, site, round } };
  await link.sendFailure(job, { round, attempt, error }, stop).catch((thrown: unknown) => {
    stop.throwIfAborted();
    logger.warn({ job, round, ...toNeuroflareError(thrown).report() }, 'the failure was refused, too');
  });
}
