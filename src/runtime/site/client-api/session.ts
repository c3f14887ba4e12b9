import { deserialize, serialize } from 'node:v8';
import type { TaskForm } from '../../algorithms/task.ts';
import { flError } from '../../base/errors/errors.ts';
import { checkExamples, checkFigures } from '../../base/logging/check-figures.ts';
import type { MetricReport } from '../../base/logging/metrics.ts';
import { checkParams, checkSameForm, type ParamForms } from '../../base/tensors/check-params.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { nearest } from '../../base/text/nearest.ts';
import type { JsonValue, ScriptArgs } from '../../job/definition.ts';
import type { PrivateOrder } from '../../learning/trainer/private-settings.ts';
import type { Values } from '../../run/events.ts';
import { requireValues } from '../../run/task-values.ts';
import type { ReceivedModel, SentModel, SiteData, TaskFile } from './fl-model.ts';
import { sentFiles } from './sent-files.ts';

/** What a script may ask of the task it runs for. */
export interface SessionContext {
  /** Its name. */
  readonly task: string;
  /** Whose model it is about, where it is not the global one. */
  readonly about?: string;
  /** What it is given, and what its answer brings. */
  readonly form: TaskForm;
  readonly site: string;
  readonly jobName: string;
  readonly currentRound: number;
  readonly totalRounds: number;
  readonly seed: number;
  readonly args: ScriptArgs;
  readonly data: SiteData | undefined;
  readonly model: Readonly<Record<string, JsonValue>> | undefined;
  /** What the job's workflow asks of the training of this task. */
  readonly rule?:
    | { readonly kind: 'fedprox' | 'ditto'; readonly mu: number }
    | { readonly kind: 'feddyn'; readonly alpha: number }
    | { readonly kind: 'scaffold'; readonly option: 1 | 2 };
  /** How a task of a private job trains. */
  readonly privacy?: Omit<PrivateOrder, 'site'>;
  /** People that a sum which leaves the site is over. */
  readonly leastPeople?: number;
  /** Patterns of the arrays that stay at the site, where the job's workflow has some. */
  readonly localTensors?: readonly string[];
  /** The site has models of its own, which it keeps beside the script's state. */
  readonly hasOwnModels?: true;
  /** Patterns of the arrays that this task trains; undefined: all of them. */
  readonly trainedTensors?: readonly string[];
  /** Whether what the site keeps is more than the script's bytes. */
  readonly keepsTensors?: true;
  /** The script's own from when it has received them. */
  readonly params: ParamSet;
  /** What the workflow gives beside the model, by name. */
  readonly files: Readonly<Record<string, TaskFile>>;
  /** What an earlier task of this site kept. */
  readonly state: Uint8Array | undefined;
}

/** A checked answer. */
export interface SessionResult {
  /** By name, as they are written: a script may go on using the arrays that it sent. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly values?: Values;
  readonly paramsType: 'FULL' | 'DIFF';
  readonly metrics: MetricReport;
  readonly numExamples: number;
  readonly state: Uint8Array | undefined;
}

/**
 * One task of one site, from the script's side: it may receive once and send once. A session never spans two tasks, so
 * what a script keeps in its variables never reaches the next round: results cannot depend on which worker ran what.
 */
export class Session {
  readonly context: Omit<SessionContext, 'params'>;
  result: SessionResult | undefined;
  /** Gone when the script has them: it may let go of what it does not need. */
  #params: ParamSet | undefined;
  readonly #forms: ParamForms;
  #state: Uint8Array | undefined;

  constructor({ params, ...context }: SessionContext) {
    this.context = context;
    this.#params = params;
    this.#forms = Object.fromEntries(
      Object.entries(params).map(([name, { dtype, shape }]) => [name, { dtype, shape: [...shape] }]),
    );
  }

  isRunning(): boolean {
    return this.result === undefined;
  }

  receive(): ReceivedModel {
    const params = this.#params;
    if (!params)
      throw misuse(
        'flare.receive() was called twice for one task.',
        'Call it once in each turn of the loop on flare.isRunning().',
      );
    this.#params = undefined;
    const { files, currentRound, totalRounds } = this.context;
    return { params, files, currentRound, totalRounds };
  }

  send(model: SentModel): void {
    if (this.result)
      throw misuse(
        'flare.send() was called twice for one task.',
        'Call it once in each turn of the loop on flare.isRunning().',
      );
    const { form } = this.context;
    this.result = { ...checkSent(model, { form, forms: this.#forms }), state: this.#state };
  }

  saveState(value: unknown): void {
    if (this.result)
      throw misuse(
        'flare.saveState() was called after flare.send().',
        'Save before sending: both become durable together.',
      );
    this.#state = serialize(value);
  }

  loadState(): unknown {
    const bytes = this.#state ?? this.context.state;
    return bytes && deserialize(bytes);
  }
}

/** Keys of a `SentModel`. */
const SENT = ['params', 'files', 'values', 'paramsType', 'metrics', 'numExamples'];

function checkSent(
  model: SentModel,
  { form, forms }: { form: TaskForm; forms: ParamForms },
): Omit<SessionResult, 'state'> {
  if (!model || typeof model !== 'object') throw unusable(`it is ${String(model)}`);
  const {
    params,
    files = {},
    values,
    paramsType = 'FULL',
    metrics = {},
    numExamples = 1,
    ...unknown
  } = model;
  for (const name of Object.keys(unknown)) {
    const near = nearest(name, SENT);
    throw unusable(`'${name}' is no part of one${near === undefined ? '' : `, '${near}' is`}`);
  }
  if (paramsType !== 'FULL' && paramsType !== 'DIFF') throw unusable(`paramsType is ${String(paramsType)}`);
  checkExamples(numExamples);
  const { model: wanted, ...others } = form.answer;
  if (wanted && params === undefined) throw unusable('params are missing');
  if (wanted) {
    checkParams(params);
    checkSameForm(params, forms);
  }
  requireValues(values ?? {}, form, 'the answer');
  const trained = wanted && params && { model: encodeSafetensors(params) };
  return {
    ...(values && { values: structuredClone(values) }),
    files: { ...trained, ...sentFiles(files, { answer: others, forms }) },
    paramsType,
    metrics: checkFigures(metrics),
    numExamples,
  };
}

function unusable(reason: string) {
  return flError('NF_RESULT_INVALID', { reason });
}

function misuse(message: string, hint: string) {
  return flError('NF_SCRIPT_USE', { message, hint });
}
