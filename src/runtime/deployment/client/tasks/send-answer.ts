import { rm } from 'node:fs/promises';
import { partsOfTask, type TaskForm } from '../../../algorithms/task.ts';
import { sha256File } from '../../../base/digest.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { AssignedTask, TaskFailure } from '../../../network/messages/site.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import { outgoing } from '../ledger/outgoing.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { JobLog } from '../memory/job-log.ts';
import { workFileFault } from '../memory/work-record.ts';
import type { ServerLink } from '../server-link.ts';
import { clearOutbox, type Outbox, readOutbox } from './outbox.ts';
import { inputsDigest } from './site-task.ts';

export interface AnswerDeps {
  readonly site: string;
  readonly link: Pick<ServerLink, 'sendUpdate' | 'sendResult' | 'sendFailure'>;
  readonly folder: SiteJobFolder;
  readonly logger: Logger;
  readonly log: JobLog;
  /** Id of the job. */
  readonly job: string;
  /** Texts of the job file. */
  readonly known: ReadonlySet<string>;
  /** Of a private job. */
  readonly isPrivate: boolean;
  /** What the job's workflow may ask for. */
  readonly tasks: Readonly<Record<string, TaskForm>>;
  /** Read anew for each answer. */
  readonly policy: () => Promise<SitePolicy>;
  /** The task is taken back, or the job stopped. */
  readonly signal: AbortSignal;
  /** The job is stopped. */
  readonly stop: AbortSignal;
}

type FailureDeps = Pick<AnswerDeps, 'site' | 'link' | 'logger' | 'job' | 'stop'>;

/** The answer to a task, if it was made before a restart; what is wrong with one is told. */
export async function finishedAnswer(
  folder: SiteJobFolder,
  task: AssignedTask,
  tell: (trouble: NeuroflareError) => void,
): Promise<Outbox | undefined> {
  const { value: outbox, trouble } = await readOutbox(folder, task);
  if (trouble) tell(trouble);
  if (!outbox || taskOf(outbox) !== task.id || outbox.inputs_sha256 !== inputsDigest(task.inputs))
    return undefined;
  const damage = await damageOfFiles(outbox.answer);
  if (damage) tell(damage);
  return damage ? undefined : outbox;
}

function taskOf({ answer }: Outbox): string {
  return 'result' in answer ? answer.result.task : answer.failure.task;
}

/** What is wrong with a file of an answer. */
async function damageOfFiles(answer: Outbox['answer']): Promise<NeuroflareError | undefined> {
  if (!('result' in answer)) return undefined;
  for (const [name, path] of Object.entries(answer.files)) {
    const damage = await damageOfFile(path, answer.result.files[name]?.sha256);
    if (damage) return damage;
  }
  return undefined;
}

async function damageOfFile(path: string, sha256: string | undefined): Promise<NeuroflareError | undefined> {
  const found = await sha256File(path).catch((thrown: unknown) => toNeuroflareError(thrown));
  if (found === sha256) return undefined;
  const reason = typeof found === 'string' ? 'its bytes are others than those of the answer' : found.message;
  const what = 'The update of an answer that the server had not acknowledged';
  const mend = 'The task is done again.';
  return workFileFault({ what, path, reason: reason.replace(/\.$/, ''), mend });
}

/** Sends an answer until the server has said what became of it, and forgets it then. Returns whether it took that, or a failure in its place. */
export async function sendAnswer(outbox: Outbox, deps: AnswerDeps): Promise<boolean> {
  const { folder, log, site, known, isPrivate, tasks } = deps;
  await log.flush();
  const answer = await outgoing(outbox, {
    policy: await deps.policy(),
    known,
    folder,
    site,
    isPrivate,
    tasks,
  });
  if ('failure' in answer && 'result' in outbox.answer)
    log.write('error', `${answer.failure.error.code}: ${answer.failure.error.message}`);
  const isTaken = await ('failure' in answer ? sendFailure(answer.failure, deps) : takenResult(answer, deps));
  // The server has said what became of it. The news that the task is over may have come before that by the other connection.
  faultPoint('client:acknowledged');
  await clearOutbox(folder);
  const files = 'files' in outbox.answer ? Object.values(outbox.answer.files) : [];
  for (const file of files) await rm(file, { force: true });
  return isTaken;
}

/** The same work would be refused again: of a refused result the round gets to know why. */
async function takenResult(sent: Extract<Outbox['answer'], { result: unknown }>, deps: AnswerDeps) {
  const { task, attempt } = sent.result;
  const { round } = partsOfTask(task);
  const { site, logger, log, job, signal } = deps;
  try {
    await sendResult(sent, deps);
    return true;
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof NeuroflareError)) throw thrown;
    logger.warn({ job, task, ...thrown.report() }, 'the answer was refused');
    log.write('error', `round ${round}: ${thrown.code}: ${thrown.message}`);
    const error = { ...thrown.report(), place: { ...thrown.place, site, round } };
    return sendFailure({ task, attempt, error }, deps);
  }
}

async function sendResult(
  { result, files }: Extract<Outbox['answer'], { result: unknown }>,
  { link, log, job, signal, stop }: AnswerDeps,
): Promise<void> {
  for (;;) {
    const { task } = result;
    for (const [name, file] of Object.entries(files)) {
      const sent = result.files[name];
      if (sent) await link.sendUpdate(job, { task, file, ...sent }, signal);
    }
    faultPoint('client:uploaded');
    try {
      // Whether the task is still wanted does not matter any more: the server says so.
      const { verdict } = await link.sendResult(job, result, stop);
      log.write('debug', `${task}: ${verdict}`);
      return;
    } catch (error) {
      if (!(error instanceof NeuroflareError) || error.code !== 'NF_UPLOAD_MISSING') throw error;
    }
  }
}

/**
 * Sends a failure; where the server refuses it, a small one of the client's own words, so that the round knows that nothing else will
 * come. Returns whether the server took one of them.
 */
export async function sendFailure(
  failure: TaskFailure,
  { site, link, logger, job, stop }: FailureDeps,
): Promise<boolean> {
  const { task, attempt } = failure;
  const { round } = partsOfTask(task);
  const send = async (one: TaskFailure) => {
    try {
      await link.sendFailure(job, one, stop);
      return undefined;
    } catch (thrown) {
      stop.throwIfAborted();
      const refusal = toNeuroflareError(thrown);
      logger.warn({ job, task, ...refusal.report() }, 'the failure was refused');
      return refusal;
    }
  };
  const refusal = await send(failure);
  if (!refusal) return true;
  const error = flError('NF_SITE_ANSWER', { code: refusal.code }, { place: { site, round } }).report();
  return (await send({ task, attempt, error })) === undefined;
}
