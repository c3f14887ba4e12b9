import { AsyncLocalStorage } from 'node:async_hooks';
import { flError } from '../../base/errors/errors.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { noteSteps, wantedCorrection } from '../../learning/trainer/control-variates.ts';
import { type PrivateTerms, wantedPrivacy } from '../../learning/trainer/private-settings.ts';
import { wantedProximal } from '../../learning/trainer/settings.ts';
import type { ReceivedModel, SentModel, SiteData } from './fl-model.ts';
import type { Session, SessionContext } from './session.ts';

/**
 * The Client API, after nvflare's `nvflare.client`: what a training script talks to. A worker thread runs one script
 * for one task at a time, so the task at hand is the thread's.
 */
let current: Session | undefined;
/** The task a piece of code was started for: what an ended task left running must not answer for the next one. */
const sessions = new AsyncLocalStorage<Session>();

/** For the runner: the task that the functions below speak of while `work` goes on. */
export async function inSession<Result>(session: Session, work: () => Promise<Result>): Promise<Result> {
  current = session;
  try {
    return await sessions.run(session, work);
  } finally {
    current = undefined;
  }
}

/** Call once, first. Fails when the script is not run by neuroflare. */
export async function init(): Promise<void> {
  session();
}

/** True until this task's result is sent. */
export async function isRunning(): Promise<boolean> {
  return session().isRunning();
}

/** The global model of this task; the arrays are the script's own copies. */
export async function receive(): Promise<ReceivedModel> {
  return session().receive();
}

/**
 * Answers this task. Checked here: names, shapes and dtypes as received, finite values.
 *
 * @throws NF_RESULT_INVALID, NF_RESULT_METRICS, NF_TENSORS_NAMES, NF_TENSORS_SHAPE, NF_TENSORS_NOT_FINITE
 */
export async function send(model: SentModel): Promise<void> {
  session().send(model);
}

/** The task is training: answer with params, metrics and numExamples. */
export function isTrain(): boolean {
  return context().form.answer.model !== undefined;
}

/** The task is to score a model (the final one, or that of another site): answer with metrics alone. */
export function isEvaluate(): boolean {
  return Object.keys(context().form.answer).length === 0;
}

/** What the task is called: `train`, `evaluate`, or a name that the job's workflow gives it. */
export function taskName(): string {
  return context().task;
}

/**
 * `executor.args` of the job, with those of this site over them. The type is the script's word for what its job.yaml
 * holds: `flare.args<{ learning_rate: number }>()`.
 */
export function args<Args extends object = SessionContext['args']>(): Args {
  return context().args as Args;
}

/** This site's data. @throws NF_SCRIPT_USE where the job names none */
export function data(): SiteData {
  const { data: found } = context();
  if (found) return found;
  throw flError('NF_SCRIPT_USE', {
    message: 'flare.data() was called, but the job names no data.',
    hint: 'Set data.root in job.yaml, or give --data.',
  });
}

/** The job's model, e.g. `{ type: 'mri-cnn', … }`. @throws NF_SCRIPT_USE where the job gives arrays instead */
export function model<Spec extends object = NonNullable<SessionContext['model']>>(): Spec {
  const { model: spec } = context();
  if (spec) return spec as Spec;
  throw flError('NF_SCRIPT_USE', {
    message: 'flare.model() was called, but the job starts from arrays (model.initial_params).',
    hint: 'Set model.type in job.yaml, or use the arrays of flare.receive().',
  });
}

/**
 * What a script that trains without `compile` must weigh its pull towards the received model by (FedProx, FedDyn, Ditto); 0 where the job's
 * workflow asks for none. The trainer that `compile` makes adds the term by itself.
 */
export function proximalMu(): number {
  session();
  return wantedProximal() ?? 0;
}

/**
 * By parameter what a script that trains without `compile` must add to the gradient of every step (SCAFFOLD, FedDyn, Ditto); undefined where the
 * job's workflow asks for none. For SCAFFOLD it says the sum of the learning rates of its steps by `tookSteps`. The trainer that `compile` makes
 * does both by itself.
 */
export function correction(): ParamSet | undefined {
  session();
  return wantedCorrection();
}

/** @param rates the sum of the learning rates of all steps of this task, see `correction` @param gradient where option 1 asks for it: the gradient at the received model */
export function tookSteps(rates: number, gradient?: ParamSet): void {
  noteSteps({ rates, gradient });
}

/**
 * What a private job's task trains by, for `compile`; undefined where the job promises nothing, and nothing changes.
 * @example const trainer = await compile(model, { optimizer: 'sgd', privacy: flare.privacy() });
 */
export function privacy(): PrivateTerms | undefined {
  session();
  return wantedPrivacy();
}

/** Seed of (job, site, round), 32 bits: the same whenever and wherever this task runs. */
export function seed(): number {
  return context().seed;
}

export function siteName(): string {
  return context().site;
}

export function jobName(): string {
  return context().jobName;
}

/**
 * Keeps a value (anything structured clone takes) for this site's next task; it becomes durable together with the
 * result. All else a script holds is gone when its task ends.
 */
export function saveState(value: unknown): void {
  session().saveState(value);
}

/** What this site saved last; undefined in its first task. */
export function loadState(): unknown {
  return session().loadState();
}

function context(): Session['context'] {
  return session().context;
}

function session(): Session {
  const open = sessions.getStore() ?? current;
  if (open) return open;
  throw flError('NF_SCRIPT_USE', {
    message: 'The Client API was called outside a task.',
    hint: "Run the script as part of a job: 'neuroflare simulate JOB'.",
  });
}
