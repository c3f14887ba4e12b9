import { deserialize, serialize } from 'node:v8';
import { flError } from '../../base/errors/errors.ts';
import type { ParamSet } from '../../base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { askForCorrection, isCorrectionUnused, stepsTaken } from '../../learning/trainer/control-variates.ts';
import { askForProximal, isProximalUnused } from '../../learning/trainer/settings.ts';
import type { SessionContext, SessionResult } from '../client-api/session.ts';
import { eachFloat, elementsOf } from './params-of.ts';

/** What a workflow asks of the training of a task, beside what its script does. */
export type TrainingRule = NonNullable<SessionContext['rule']>;

/** What a task begins with. */
export interface RuleInput {
  /** What the script trains on from, and may change. */
  readonly params: ParamSet;
  /** The global model: the same, but where the task is of a model of the site's own. */
  readonly received: ParamSet;
  /** SCAFFOLD's control variate of the server; undefined: zero. */
  readonly control: ParamSet | undefined;
  /** Whether the task trains. */
  readonly trains: boolean;
}

/** A rule's part of one task, around the script's. */
export interface RuleTask {
  /** What the script kept. */
  readonly state: Uint8Array | undefined;
  /** Just before the script. */
  begin(): void;
  /** What the task came to, with what the workflow asks for beside the script's part, and with what the site keeps. */
  finish(result: SessionResult): SessionResult;
}

/** @param state what the site kept in its task before */
export function ruleTask(
  rule: TrainingRule | undefined,
  input: RuleInput,
  state: Uint8Array | undefined,
): RuleTask {
  switch (rule?.kind) {
    case undefined:
      return plain(state);
    case 'fedprox':
    case 'ditto':
      return input.trains ? pulled(rule, input, state) : plain(state);
    case 'scaffold':
      return input.trains ? scaffold(rule.option, input, keptOf(state)) : keeping(keptOf(state));
    case 'feddyn':
      return input.trains ? dynamic(rule, input, keptOf(state)) : keeping(keptOf(state));
  }
}

function plain(state: Uint8Array | undefined): RuleTask {
  return { state, begin: () => ask(undefined, undefined), finish: (result) => result };
}

function ask(mu: number | undefined, wish: Parameters<typeof askForCorrection>[0]): void {
  askForProximal(mu);
  askForCorrection(wish);
}

/** Towards the global model by mu / 2 |w - global|^2; where training begins elsewhere, as from there, with what that lacks as a correction. */
function pulled(
  { kind, mu }: TrainingRule & { kind: 'fedprox' | 'ditto' },
  { params, received }: RuleInput,
  state: Uint8Array | undefined,
): RuleTask {
  const begin = () => {
    if (kind === 'fedprox') return ask(mu, undefined);
    const correction = eachFloat(params, (name) => {
      const [from, to] = [elementsOf(params, name), elementsOf(received, name)];
      return (at) => mu * (from(at) - to(at));
    });
    ask(mu, { correction });
  };
  return {
    state,
    begin,
    finish: (result) => {
      requireUse(kind);
      return result;
    },
  };
}

function requireUse(workflow: TrainingRule['kind']): void {
  if (isProximalUnused()) throw flError('NF_SCRIPT_PROXIMAL', { workflow });
  if (isCorrectionUnused()) throw flError('NF_SCRIPT_CORRECTION', { workflow });
}

/** What a site keeps for its next task: what its script keeps, and what it knows of its own gradient. */
interface Kept {
  readonly script: Uint8Array | undefined;
  readonly control: ParamSet | undefined;
}

function keptOf(state: Uint8Array | undefined): Kept {
  return state === undefined ? { script: undefined, control: undefined } : deserialize(state);
}

/** Of a task without training: what the script keeps, beside what was kept before. */
function keeping(kept: Kept): RuleTask {
  return {
    ...plain(kept.script),
    finish: (result) =>
      result.state
        ? { ...result, state: serialize({ ...kept, script: result.state } satisfies Kept) }
        : result,
  };
}

/** Of the models that a script began with and sent, element by element. */
function movesOf(params: ParamSet, { files, paramsType }: SessionResult) {
  const sent = decodeSafetensors(files.model ?? new Uint8Array(), 'model');
  const from = paramsType === 'FULL' ? params : undefined;
  return (name: string) => {
    const [x, y] = [elementsOf(from, name), elementsOf(sent, name)];
    return (at: number) => y(at) - x(at);
  };
}

/** SCAFFOLD: each step is corrected by c - c_i. */
function scaffold(option: 1 | 2, input: RuleInput, kept: Kept): RuleTask {
  // The script may change what it is given.
  const [params, own] = [structuredClone(input.params), kept.control];
  const { control } = input;
  return {
    state: kept.script,
    begin: () => {
      const correction = eachFloat(params, (name) => {
        const [ours, theirs] = [elementsOf(own, name), elementsOf(control, name)];
        return (at) => theirs(at) - ours(at);
      });
      ask(undefined, { option, correction });
    },
    finish: (result) => {
      const steps = stepsTaken();
      if (!steps || !(steps.rates > 0) || (option === 1 && !steps.gradient))
        throw flError('NF_SCRIPT_CORRECTION', { workflow: 'scaffold' });
      const moves = movesOf(params, result);
      const next = eachFloat(params, (name) => {
        if (option === 1) return elementsOf(steps.gradient, name);
        const moved = moves(name);
        const [ours, theirs] = [elementsOf(own, name), elementsOf(control, name)];
        return (at) => ours(at) - theirs(at) - moved(at) / steps.rates;
      });
      const change = eachFloat(params, (name) => {
        const [now, before] = [elementsOf(next, name), elementsOf(own, name)];
        return (at) => now(at) - before(at);
      });
      const script = result.state ?? kept.script;
      return {
        ...result,
        files: { ...result.files, control: encodeSafetensors(change) },
        state: serialize({ script, control: next } satisfies Kept),
      };
    },
  };
}

/** FedDyn: each step is corrected by the gradient that the site had reached, and pulled towards the received model. */
function dynamic({ kind, alpha }: TrainingRule & { kind: 'feddyn' }, input: RuleInput, kept: Kept): RuleTask {
  const [params, own] = [structuredClone(input.params), kept.control];
  return {
    state: kept.script,
    begin: () => {
      const correction = eachFloat(params, (name) => {
        const reached = elementsOf(own, name);
        return (at) => -reached(at);
      });
      ask(alpha, { correction });
    },
    finish: (result) => {
      requireUse(kind);
      const moves = movesOf(params, result);
      const next = eachFloat(params, (name) => {
        const [reached, moved] = [elementsOf(own, name), moves(name)];
        return (at) => reached(at) - alpha * moved(at);
      });
      const script = result.state ?? kept.script;
      return { ...result, state: serialize({ script, control: next } satisfies Kept) };
    },
  };
}
