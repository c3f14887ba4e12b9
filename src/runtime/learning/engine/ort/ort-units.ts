import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Tensor } from 'onnxruntime-common';
import { f32At } from '../../../base/at.ts';
import { flError } from '../../../base/errors/errors.ts';
import { createRandom } from '../../../base/random.ts';
import { elementCount } from '../../../base/tensors/nd-array.ts';
import { type BatchShape, checkLength, checkUnitBatch } from '../batch.ts';
import type { CompileOptions, UnitBatch, UnitGradient, UnitOptions } from '../engine.ts';
import { noiseValues } from '../noise.ts';
import { createObjective } from '../objective.ts';
import { createOptimizer } from '../optimizer.ts';
import type { Parameter } from '../parameters.ts';
import { STEP, type TracedGraph } from '../trace/trace-model.ts';
import { NoSum, traceApply, traceUnitGradient, UNITS } from '../trace/trace-units.ts';
import { probeBatch, requireApart, requireSame } from '../unit-check.ts';
import type { OrtState } from './ort-state.ts';
import { floats, only } from './run-values.ts';
import type { OrtRuntime } from './runtime.ts';
import { leaseSession, type SessionLease } from './session-cache.ts';

interface Parts {
  readonly runtime: OrtRuntime;
  readonly model: LayersModel;
  readonly parameters: readonly Parameter[];
  readonly shape: BatchShape;
  readonly options: CompileOptions;
  readonly state: OrtState;
}

interface Compiled extends SessionLease {
  readonly noise: TracedGraph['noise'];
}

/** Of the check when a model is compiled: a grid as fine as that of a small model. */
const PROBE = { clip: 1, grid: 4096 };
/** What the weights of the check are moved by: a branch that begins as nothing has no gradient to compare. */
const MOVED = 0.1;

/** Gradients of units and steps by them, beside the other graphs of a model. */
export class OrtUnits {
  readonly #parts: Parts;
  readonly #units: UnitOptions;
  #all: Compiled | undefined;
  #one: Compiled | undefined;
  #apply: Compiled | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#units = parts.options.units ?? { units: 1, rowsPerUnit: parts.shape.batchSize };
  }

  /**
   * Makes the graphs, and holds the one of all units against the one of a single unit.
   * @throws NF_PRIVACY_LAYER, NF_PRIVACY_GRADIENT
   */
  async prepare(): Promise<void> {
    const { model, options } = this.#parts;
    requireApart(model);
    this.#apply = await this.#lease(traceApply(this.#subject(), createOptimizer(options)));
    this.#one = await this.#lease(this.#trace(1));
    if (this.#units.oneByOne === true || this.#units.units === 1) return;
    this.#all = await this.#lease(this.#traceAll());
    await this.#check();
  }

  gradient(batch: UnitBatch): Promise<UnitGradient> {
    checkUnitBatch(batch, this.#parts.shape);
    const weights = this.#weights();
    return this.#all ? this.#run(this.#all, batch, weights) : this.#oneByOne(batch, weights);
  }

  /** What a step by a gradient begins with, beside the state. */
  async step(gradient: Float32Array) {
    if (!this.#apply) throw new Error('The model was not prepared');
    checkLength('gradient', gradient, this.#weights().length);
    return { session: this.#apply.session, feeds: { [UNITS.gradient]: this.#tensor(gradient) } };
  }

  dispose(): void {
    for (const lease of [this.#all, this.#one, this.#apply]) lease?.release();
  }

  #subject(rows = this.#parts.shape.batchSize) {
    const { model, parameters, shape } = this.#parts;
    return { model, parameters, shape, rows };
  }

  #trace(units: number): TracedGraph {
    const objective = createObjective(this.#parts.options.loss, { ofExamples: true });
    return traceUnitGradient(this.#subject(units * this.#units.rowsPerUnit), { objective, units });
  }

  #traceAll(): TracedGraph {
    try {
      return this.#trace(this.#units.units);
    } catch (error) {
      if (!(error instanceof NoSum)) throw error;
      throw flError('NF_PRIVACY_LAYER', {
        layer: error.parameter.slice(0, error.parameter.lastIndexOf('/')),
        reason: error.message,
        advice:
          'Use another layer in its place, or let compile have allowEager: true, which trains one group after another and takes longer.',
      });
    }
  }

  /** The weights that are trained. */
  #weights(): Float32Array {
    return this.#parts.state.inputs().find(({ name }) => name === STEP.weights)?.data ?? new Float32Array();
  }

  async #check(): Promise<void> {
    if (!this.#all) return;
    const random = createRandom('unit-check', 'weights');
    const weights = this.#weights().map((weight) => weight + MOVED * random.normal());
    const batch = probeBatch(this.#parts.shape, { ...this.#units, ...PROBE });
    // Clipped in the middle of the norms, so that some are, and some are not.
    const { norms } = await this.#oneByOne(batch, weights);
    const [, middle = 1] = [...norms].sort((a, b) => b - a);
    const clipped = { ...batch, clip: middle > 0 ? middle : 1 };
    requireSame(await this.#run(this.#all, clipped, weights), await this.#oneByOne(clipped, weights));
  }

  async #oneByOne(batch: UnitBatch, weights: Float32Array): Promise<UnitGradient> {
    if (!this.#one) throw new Error('The model was not prepared');
    const { units } = this.#units;
    const part = (values: Float32Array, unit: number) => {
      const size = values.length / units;
      return values.subarray(unit * size, (unit + 1) * size);
    };
    const sum = new Float32Array(weights.length);
    const norms = new Float32Array(units);
    for (let unit = 0; unit < units; unit++) {
      const one = {
        ...batch,
        x: part(batch.x, unit),
        y: part(batch.y, unit),
        weights: part(batch.weights, unit),
      };
      if (one.weights.every((weight) => weight === 0)) continue;
      const given = await this.#run(this.#one, { ...one, unit }, weights);
      for (let at = 0; at < sum.length; at++) sum[at] = f32At(sum, at) + f32At(given.sum, at);
      norms[unit] = f32At(given.norms, 0);
    }
    return { sum, norms };
  }

  /** @param batch with `unit` where it is that one alone: its noise is the same as among the others */
  async #run(
    { session, noise }: Compiled,
    batch: UnitBatch & { readonly unit?: number },
    weights: Float32Array,
  ): Promise<UnitGradient> {
    const { input, output } = this.#parts.shape;
    const rows = batch.weights.length;
    const frozen = this.#parts.state.inputs().find(({ name }) => name === STEP.frozen);
    const drawn = noise.map((request, index) => this.#noise(request, { batch, index }));
    const feeds: Record<string, Tensor> = {
      [STEP.x]: this.#tensor(batch.x, [rows, ...input]),
      [STEP.y]: this.#tensor(batch.y, [rows, ...output]),
      [STEP.exampleWeights]: this.#tensor(batch.weights),
      [STEP.weights]: this.#tensor(weights),
      [UNITS.clip]: this.#tensor(Float32Array.of(batch.clip), []),
      [UNITS.grid]: this.#tensor(Float32Array.of(batch.grid), []),
      ...Object.fromEntries(drawn.map((tensor, index) => [STEP.noise(index), tensor])),
      ...(frozen && { [STEP.frozen]: this.#tensor(frozen.data) }),
    };
    const given = await session.run(only(feeds, session.inputNames), {
      [UNITS.gradient]: null,
      [UNITS.norms]: null,
    });
    return { sum: floats(given[UNITS.gradient]), norms: floats(given[UNITS.norms]) };
  }

  #noise(
    request: TracedGraph['noise'][number],
    { batch: { seed, unit }, index }: { batch: UnitBatch & { readonly unit?: number }; index: number },
  ): Tensor {
    if (unit === undefined) return this.#tensor(noiseValues(request, seed, index), request.shape);
    const [rows = 1, ...rest] = request.shape;
    const values = noiseValues({ ...request, shape: [rows * (unit + 1), ...rest] }, seed, index);
    return this.#tensor(values.slice(-rows * elementCount(rest)), request.shape);
  }

  async #lease({ bytes, noise }: TracedGraph): Promise<Compiled> {
    return { ...(await leaseSession(this.#parts.runtime, bytes)), noise };
  }

  #tensor(data: Float32Array, shape: readonly number[] = [data.length]): Tensor {
    return new this.#parts.runtime.Tensor('float32', data, shape);
  }
}

/** @throws where a model was not compiled for units */
export function requireUnits(units: OrtUnits | undefined): OrtUnits {
  if (units) return units;
  throw flError('NF_ENGINE_OPTION_INVALID', {
    option: 'units',
    expected: 'given for gradients of units',
    actual: 'undefined',
  });
}
