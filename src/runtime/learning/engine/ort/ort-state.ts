import { elementCount, type NdArray, type ParamSet } from '../../../base/tensors/nd-array.ts';
import type { Parameter } from '../parameters.ts';
import { STEP } from '../trace/trace-model.ts';

/** A vector that a step reads and replaces: two buffers that take turns. */
interface Exchanged {
  readonly name: string;
  now: Float32Array;
  next: Float32Array;
}

/** Weights, optimizer slots and anchor of one training, as the vectors that its graphs take and give. */
export class OrtState {
  readonly #parameters: readonly Parameter[];
  readonly #exchanged: Exchanged[];
  readonly #anchor: Float32Array;
  readonly #correction: Float32Array;
  #stepCount = 0;

  constructor(parameters: readonly Parameter[], slotCount: number) {
    this.#parameters = parameters;
    const weights = length(parameters, true);
    const frozen = length(parameters, false);
    const slots = Array.from({ length: slotCount }, (_, index) => exchanged(STEP.slot(index), weights));
    this.#exchanged = [exchanged(STEP.weights, weights), ...slots];
    if (frozen > 0) this.#exchanged.push(exchanged(STEP.frozen, frozen));
    this.#anchor = new Float32Array(weights);
    this.#correction = new Float32Array(weights);
  }

  /** Steps since the parameters were set. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** What a graph may ask for, by input name. */
  inputs(): { name: string; data: Float32Array }[] {
    const state = this.#exchanged.map(({ name, now }) => ({ name, data: now }));
    const constant = [
      { name: STEP.anchor, data: this.#anchor },
      { name: STEP.correction, data: this.#correction },
    ];
    return [...state, ...constant];
  }

  /** Where a step's results belong, by output name. */
  outputs(): { name: string; data: Float32Array }[] {
    return this.#exchanged.map(({ name, next }) => ({ name: STEP.next(name), data: next }));
  }

  /** Makes the results of a step, written to `outputs`, the present state. */
  advance(): void {
    this.#stepCount++;
    for (const vector of this.#exchanged) [vector.now, vector.next] = [vector.next, vector.now];
  }

  read(): ParamSet {
    return Object.fromEntries(
      this.#pieces().map(({ parameter, data }): [string, NdArray] => [
        parameter.name,
        { dtype: 'float32', shape: [...parameter.shape], data: data.slice() },
      ]),
    );
  }

  /** Sets every parameter, clears the slots, and moves the anchor. */
  write(values: (parameter: Parameter) => ArrayLike<number>): void {
    for (const { parameter, data } of this.#pieces()) data.set(values(parameter));
    for (const { name, now } of this.#exchanged) {
      if (name === STEP.weights) this.#anchor.set(now);
      else if (name !== STEP.frozen) now.fill(0);
    }
    this.#stepCount = 0;
  }

  /** @param pieces of the trainable parameters in order; undefined is 0 */
  writeCorrection(pieces: readonly (ArrayLike<number> | undefined)[]): void {
    this.#correction.fill(0);
    let offset = 0;
    for (const [index, { shape }] of this.#parameters.filter(({ trainable }) => trainable).entries()) {
      this.#correction.set(pieces[index] ?? [], offset);
      offset += elementCount(shape);
    }
  }

  #pieces(): { parameter: Parameter; data: Float32Array }[] {
    const offsets = { [STEP.weights]: 0, [STEP.frozen]: 0 };
    return this.#parameters.map((parameter) => {
      const name = parameter.trainable ? STEP.weights : STEP.frozen;
      const start = offsets[name];
      const end = start + elementCount(parameter.shape);
      offsets[name] = end;
      const vector = this.#exchanged.find((candidate) => candidate.name === name);
      return { parameter, data: vector?.now.subarray(start, end) ?? new Float32Array() };
    });
  }
}

function exchanged(name: string, size: number): Exchanged {
  return { name, now: new Float32Array(size), next: new Float32Array(size) };
}

function length(parameters: readonly Parameter[], trainable: boolean): number {
  const chosen = parameters.filter((parameter) => parameter.trainable === trainable);
  return chosen.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
