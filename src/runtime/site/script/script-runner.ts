import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isEvaluationTask } from '../../algorithms/evaluation/tasks.ts';
import { HARMONISATION, isHarmoniseTask } from '../../algorithms/harmonisation/tasks.ts';
import type { FileRule } from '../../algorithms/task.ts';
import { type ErrorReport, flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { readParamsFile } from '../../base/tensors/read-params-file.ts';
import { askForPrivacy, requireReleased, trainedGroups } from '../../learning/trainer/private-settings.ts';
import { askForHarmonised, askForTensors, isHarmonisationUnused } from '../../learning/trainer/settings.ts';
import type { SiteData, TaskFile } from '../client-api/fl-model.ts';
import { inSession } from '../client-api/flare.ts';
import { Session, type SessionContext, type SessionResult } from '../client-api/session.ts';
import { type Kept, readKept, readOwn } from '../kept.ts';
import { type CodePlace, installResolveHooks, scriptUrl } from './resolve-hooks.ts';
import { scriptFailure } from './script-error.ts';
import { expectNoTraces } from './traces.ts';
import { ruleTask } from './training-rule.ts';

/** One task for a script: what the script will be told, and where the files lie (absolute paths). */
export interface ScriptTask {
  readonly context: Omit<SessionContext, 'params' | 'files' | 'state'>;
  readonly code: CodePlace;
  /** From the bundle's root. */
  readonly script: string;
  /** Of each input by its name, the model among them. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly statePath: string | undefined;
}

export type ScriptOutcome = { readonly result: SessionResult } | { readonly failure: ErrorReport };

let tasks = 0;

/**
 * nvflare's ScriptRunner: runs a training script for one task, from its first line to its end, in this thread. The
 * script and the packages beside the job are evaluated anew for every task. `onStart` is called just before.
 */
export async function runScript(task: ScriptTask, onStart: () => void): Promise<ScriptOutcome> {
  const { site, currentRound: round } = task.context;
  const { context, begin, finish } = await fillContext(task);
  const own = ownAnswerTo(task.context.task);
  if (own) return answered(context, own, onStart);
  const session = new Session(context);
  installResolveHooks(task.code);
  expectNoTraces();
  const url = scriptUrl(join(task.code.bundle, task.script), String(tasks++));
  askForTensors(task.context.trainedTensors);
  askForHarmonised(context.data?.harmonisation !== undefined);
  askForPrivacy(context.privacy && { ...context.privacy, site });
  begin();
  onStart();
  try {
    await inSession(session, () => import(url));
    if (!session.result) throw flError('NF_SCRIPT_NO_RESULT');
    if (isHarmonisationUnused()) throw flError('NF_SCRIPT_HARMONISATION');
    requireReleased(session.result.files.model);
    const numExamples = trainedGroups() ?? session.result.numExamples;
    return { result: finish({ ...session.result, numExamples }) };
  } catch (error) {
    return { failure: scriptFailure(error, task.code, { site, round }) };
  }
}

type OwnAnswer = (context: SessionContext) => Promise<SessionResult>;

/** Tasks that neuroflare answers itself: no script of the job has a say in what sums leave the site. */
function ownAnswerTo(task: string): OwnAnswer | undefined {
  if (isHarmoniseTask(task))
    return async (context) => (await import('../harmonise-task.ts')).answerHarmonise(task, context);
  if (isEvaluationTask(task))
    return async (context) => (await import('../evaluation-task.ts')).answerEvaluation(task, context);
  return undefined;
}

async function answered(
  context: SessionContext,
  answer: OwnAnswer,
  onStart: () => void,
): Promise<ScriptOutcome> {
  onStart();
  try {
    return { result: await answer(context) };
  } catch (error) {
    const { site, currentRound: round } = context;
    return {
      failure: {
        ...toNeuroflareError(error).report(),
        place: { ...toNeuroflareError(error).place, site, round },
      },
    };
  }
}

async function readTaskFile(path: string, rule: FileRule | undefined): Promise<TaskFile> {
  return rule?.form === 'opaque' ? readFile(path) : readParamsFile(path);
}

interface Filled {
  readonly context: SessionContext;
  /** Just before the script. */
  readonly begin: () => void;
  /** What the task came to, with what its workflow asks for beside the script's part. */
  readonly finish: (result: SessionResult) => SessionResult;
}

/** What a script begins with, and what is done around it. */
export async function fillContext(task: ScriptTask): Promise<Filled> {
  const { model = '', [HARMONISATION]: harmonisation, ...others } = task.inputs;
  const { form, rule } = task.context;
  const { tensors, state } = await keptOf(task);
  const received = await readParamsFile(model);
  const params = { ...received, ...tensors };
  const files: Record<string, TaskFile> = {};
  for (const [name, path] of Object.entries(others))
    files[name] = await readTaskFile(path, form.inputs?.[name]);
  const data =
    harmonisation === undefined
      ? task.context.data
      : await withHarmonisation(task.context.data, harmonisation);
  const trains = form.answer.model !== undefined;
  // A rule of the global model does not see how models of the site's own are trained.
  const isRuled = trains && (form.own === undefined || rule?.kind === 'ditto');
  const control = others.control === undefined ? undefined : await readParamsFile(others.control);
  const input = { params, received, control, trains: isRuled };
  const around = ruleTask(rule, input, state);
  return {
    context: { ...task.context, data, params, files, state: around.state },
    begin: () => around.begin(),
    finish: (result) => around.finish(result),
  };
}

/** @throws NF_PAYLOAD_FORM */
async function withHarmonisation(data: SiteData | undefined, path: string): Promise<SiteData | undefined> {
  const { readHarmonisation } = await import('../harmonise-task.ts');
  return data && { ...data, harmonisation: await readHarmonisation(path) };
}

/** What the site has of its own: arrays that stay here are those of its last training, a model that the task is of is all of them. */
async function keptOf({ statePath, context }: ScriptTask): Promise<Kept> {
  if (statePath === undefined) return { tensors: {}, state: undefined };
  if (context.hasOwnModels) return readOwn(statePath, context.form.own?.model);
  return context.keepsTensors ? readKept(statePath) : { tensors: {}, state: await readFile(statePath) };
}
