import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorReport, flError } from '../../base/errors/errors.ts';
import { readParamsFile } from '../../base/tensors/read-params-file.ts';
import { askForProximal, isProximalUnused } from '../../learning/trainer/settings.ts';
import { inSession } from '../client-api/flare.ts';
import { Session, type SessionContext, type SessionResult } from '../client-api/session.ts';
import { type CodePlace, installResolveHooks, scriptUrl } from './resolve-hooks.ts';
import { scriptFailure } from './script-error.ts';
import { expectNoTraces } from './traces.ts';

/** One task for a script: what the script will be told, and where the files lie (absolute paths). */
export interface ScriptTask {
  readonly context: Omit<SessionContext, 'params' | 'state'>;
  readonly code: CodePlace;
  /** From the bundle's root. */
  readonly script: string;
  readonly modelPath: string;
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
  const session = new Session(await fillContext(task));
  installResolveHooks(task.code);
  expectNoTraces();
  const url = scriptUrl(join(task.code.bundle, task.script), String(tasks++));
  const { kind, proximalMu } = task.context;
  askForProximal(proximalMu);
  onStart();
  try {
    await inSession(session, () => import(url));
    if (!session.result) throw flError('NF_SCRIPT_NO_RESULT');
    if (kind === 'train' && isProximalUnused()) throw flError('NF_SCRIPT_PROXIMAL');
    return { result: session.result };
  } catch (error) {
    return { failure: scriptFailure(error, task.code, { site, round }) };
  }
}

async function fillContext(task: ScriptTask): Promise<SessionContext> {
  const params = await readParamsFile(task.modelPath);
  const state = task.statePath === undefined ? undefined : await readFile(task.statePath);
  return { ...task.context, params, state };
}
