import { deserialize, serialize } from 'node:v8';
import { flError } from '../../base/errors/errors.ts';
import type { NdArray, NumericArray, ParamSet } from '../../base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { askForCorrection, stepsTaken } from '../../learning/trainer/control-variates.ts';
import type { SessionResult } from '../client-api/session.ts';

/** What a site keeps for its next task: what its script keeps, and its control variate. */
interface Kept {
  readonly script: Uint8Array | undefined;
  readonly control: ParamSet | undefined;
}

/** SCAFFOLD's part of one task, around the script's. */
export class ScaffoldTask {
  readonly #option: 1 | 2;
  readonly #kept: Kept;

  /** @param state what the site kept in its task before */
  constructor(option: 1 | 2, state: Uint8Array | undefined) {
    this.#option = option;
    this.#kept = state === undefined ? { script: undefined, control: undefined } : deserialize(state);
  }

  /** What the script kept. */
  get state(): Uint8Array | undefined {
    return this.#kept.script;
  }

  /** @param received the model, of which the script has its own copy @param control of the server; undefined: zero */
  begin(received: ParamSet, control: ParamSet | undefined): void {
    const correction = eachFloat(received, (name) => {
      const [ours, theirs] = [elementsOf(this.#kept.control, name), elementsOf(control, name)];
      return (at) => theirs(at) - ours(at);
    });
    askForCorrection({ option: this.#option, correction });
  }

  /**
   * The result of a training task, with what its control variate changed by and what is kept of it.
   * @param received the model @throws NF_SCRIPT_CORRECTION where the script trained without the correction
   */
  finish(
    result: SessionResult,
    { received, control }: { received: ParamSet; control: ParamSet | undefined },
  ): SessionResult {
    const own = this.#kept.control;
    const steps = stepsTaken();
    if (!steps || !(steps.rates > 0) || (this.#option === 1 && !steps.gradient))
      throw flError('NF_SCRIPT_CORRECTION');
    const sent = decodeSafetensors(result.files.model ?? new Uint8Array(), 'model');
    const from = result.paramsType === 'FULL' ? received : undefined;
    const next = eachFloat(received, (name) => {
      if (this.#option === 1) return elementsOf(steps.gradient, name);
      const [x, y] = [elementsOf(from, name), elementsOf(sent, name)];
      const [ours, theirs] = [elementsOf(own, name), elementsOf(control, name)];
      return (at) => ours(at) - theirs(at) + (x(at) - y(at)) / steps.rates;
    });
    const change = eachFloat(received, (name) => {
      const [now, before] = [elementsOf(next, name), elementsOf(own, name)];
      return (at) => now(at) - before(at);
    });
    const script = result.state ?? this.#kept.script;
    return {
      ...result,
      files: { ...result.files, control: encodeSafetensors(change) },
      state: serialize({ script, control: next } satisfies Kept),
    };
  }

  /** Of a task without training: what the script keeps, beside what was kept before. */
  keep(result: SessionResult): SessionResult {
    const { state: script } = result;
    return script ? { ...result, state: serialize({ ...this.#kept, script } satisfies Kept) } : result;
  }
}

/** Zero where there is none. */
function elementsOf(params: ParamSet | undefined, name: string): (at: number) => number {
  const data = params?.[name]?.data;
  return data ? (at) => data[at] ?? 0 : () => 0;
}

/** Arrays like those of a model: each element of floats made, integers zero. */
function eachFloat(model: ParamSet, elements: (name: string) => (at: number) => number): ParamSet {
  const arrays = Object.entries(model).map(([name, { dtype, shape, data }]): [string, NdArray] => {
    const made: NumericArray = data.slice().fill(0);
    const make = elements(name);
    if (dtype.startsWith('float')) for (let at = 0; at < made.length; at++) made[at] = make(at);
    return [name, { dtype, shape: [...shape], data: made } as NdArray];
  });
  return Object.fromEntries(arrays);
}
