import { keep, scalar, type Tensor, tensor, tidy, variableGrads, zerosLike } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../../base/errors/errors.ts';
import { elementCount, type NdArray, type ParamSet } from '../../../base/tensors/nd-array.ts';
import { type BatchShape, checkLength, type PreparedBatch, prepareBatch } from '../batch.ts';
import type { CompiledModel, CompileOptions, TrainBatch, UnitBatch, UnitGradient } from '../engine.ts';
import { modelShape } from '../model-shape.ts';
import { seededNoise, withNoise } from '../noise.ts';
import { createObjective, type Objective } from '../objective.ts';
import { createOptimizer, type Optimizer, type ScalarTensors } from '../optimizer.ts';
import { modelParameters, type Parameter, requireCorrection, requireParams } from '../parameters.ts';
import { onBackend } from '../tfjs.ts';
import { requireApart } from '../unit-check.ts';
import { gradientOfUnits } from './eager-units.ts';

/** What one trainable weight carries from step to step. */
interface WeightState {
  readonly parameter: Parameter;
  slots: Tensor[];
  anchor: Tensor | undefined;
  correction: Tensor | undefined;
}

/** A model trained by a tfjs backend, operation by operation, in its own variables. */
export class EagerModel implements CompiledModel {
  readonly #backend: string;
  readonly #model: LayersModel;
  readonly #parameters: readonly Parameter[];
  readonly #shape: BatchShape;
  readonly #objective: Objective;
  readonly #optimizer: Optimizer;
  readonly #units: CompileOptions['units'];
  readonly #loss: CompileOptions['loss'];
  #states: WeightState[] = [];
  #correction: ParamSet | undefined;
  #stepCount = 0;
  #disposed = false;

  constructor(backend: string, model: LayersModel, options: CompileOptions) {
    this.#backend = backend;
    this.#model = model;
    this.#shape = modelShape(model, options);
    this.#parameters = modelParameters(model);
    this.#objective = createObjective(options.loss);
    this.#optimizer = createOptimizer(options);
    this.#reset();
    this.#units = options.units;
    this.#loss = options.loss;
    if (options.units) requireApart(model);
  }

  async trainStep(batch: TrainBatch): Promise<number> {
    this.#refuseDisposed();
    const prepared = prepareBatch(batch, this.#shape, batch.size);
    const loss = this.#run(() => tidy(() => this.#update(prepared, batch)));
    const [value = Number.NaN] = await loss.data<'float32'>();
    loss.dispose();
    return value;
  }

  async unitGradient(batch: UnitBatch): Promise<UnitGradient> {
    this.#refuseDisposed();
    const { units = 1 } = this.#units ?? {};
    const objective = createObjective(this.#loss, { ofExamples: true });
    const variables = this.#states.map(({ parameter }) => parameter.variable);
    const subject = { model: this.#model, objective, variables, shape: this.#shape, units };
    return this.#run(() => gradientOfUnits(subject, batch));
  }

  async applyGradient(
    gradient: Float32Array,
    step: Pick<TrainBatch, 'learningRate' | 'proximal'>,
  ): Promise<void> {
    this.#refuseDisposed();
    let start = 0;
    const pieces = this.#states.map(({ parameter: { shape } }) => {
      const end = start + elementCount(shape);
      const piece = { data: gradient.slice(start, end), shape };
      start = end;
      return piece;
    });
    this.#run(() =>
      tidy(() =>
        this.#step(
          pieces.map(({ data, shape }) => tensor(data, [...shape])),
          step,
        ),
      ),
    );
  }

  async predict(x: Float32Array, size: number): Promise<Float32Array> {
    this.#refuseDisposed();
    const { batchSize, input, output } = this.#shape;
    const [example, outputs] = [elementCount(input), elementCount(output)];
    checkLength('x', x, size * example);
    const results = new Float32Array(size * outputs);
    for (let start = 0; start < size; start += batchSize) {
      const rows = Math.min(batchSize, size - start);
      const part = x.subarray(start * example, (start + rows) * example);
      const result = this.#run(() => tidy(() => this.#forward(tensor(part, [rows, ...input]))));
      results.set(await result.data<'float32'>(), start * outputs);
      result.dispose();
    }
    return results;
  }

  getParams(): ParamSet {
    this.#refuseDisposed();
    return Object.fromEntries(
      this.#parameters.map(({ name, shape, variable }): [string, NdArray] => [
        name,
        { dtype: 'float32', shape: [...shape], data: Float32Array.from(variable.dataSync()) },
      ]),
    );
  }

  setParams(params: ParamSet): void {
    this.#refuseDisposed();
    requireParams(this.#parameters, params);
    this.#run(() =>
      tidy(() => {
        for (const { name, shape, variable } of this.#parameters) {
          variable.assign(tensor(Float32Array.from(params[name]?.data ?? []), [...shape]));
        }
      }),
    );
    this.#reset();
  }

  setCorrection(correction: ParamSet | undefined): void {
    this.#refuseDisposed();
    requireCorrection(this.#parameters, this.#optimizer, correction);
    this.#correction = correction;
    for (const state of this.#states) {
      state.correction?.dispose();
      state.correction = this.#run(() => this.#correctionOf(state.parameter));
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#release();
  }

  /** Computes gradients and gives every trainable weight its new value. */
  #update(prepared: PreparedBatch, given: TrainBatch): Tensor {
    const { rows } = prepared;
    const batch = {
      x: tensor(prepared.x, [rows, ...this.#shape.input]),
      y: tensor(prepared.y, [rows, ...this.#shape.output]),
      weights: tensor(prepared.weights, [rows]),
      logitOffset: tensor(prepared.logitOffset),
    };
    const loss = () => withNoise(seededNoise(given.seed), () => this.#objective(this.#model, batch));
    const variables = this.#states.map(({ parameter }) => parameter.variable);
    const { value, grads } = variableGrads(loss, variables);
    this.#step(
      variables.map((variable) => grads[variable.name] ?? zerosLike(variable)),
      given,
    );
    return value;
  }

  /** Gives every trainable weight its new value, and the optimizer its next state. */
  #step(gradients: readonly Tensor[], given: Pick<TrainBatch, 'learningRate' | 'proximal'>): void {
    this.#stepCount++;
    const scalars = this.#scalars(given);
    const clipped = this.#optimizer.clip(gradients);
    for (const [index, state] of this.#states.entries()) {
      const { variable } = state.parameter;
      const gradient = clipped[index] ?? zerosLike(variable);
      const updated = this.#optimizer.update({ ...state, weight: variable, gradient, scalars });
      variable.assign(updated.weight);
      for (const slot of state.slots) slot.dispose();
      state.slots = updated.slots.map((slot) => keep(slot));
    }
  }

  #forward(x: Tensor): Tensor {
    return this.#model.apply(x, { training: false }) as Tensor;
  }

  #scalars(batch: Pick<TrainBatch, 'learningRate' | 'proximal'>): ScalarTensors {
    const numbers = this.#optimizer.scalars(this.#stepCount, batch);
    return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, scalar(value)]));
  }

  #correctionOf({ name, shape }: Parameter): Tensor | undefined {
    const given = this.#correction?.[name];
    return given && keep(tensor(Float32Array.from(given.data), [...shape]));
  }

  #reset(): void {
    this.#release();
    this.#stepCount = 0;
    const trainable = this.#parameters.filter((parameter) => parameter.trainable);
    this.#states = this.#run(() =>
      trainable.map((parameter) => ({
        parameter,
        slots: Array.from({ length: this.#optimizer.slotCount }, () => keep(zerosLike(parameter.variable))),
        anchor: this.#optimizer.usesAnchor ? keep(parameter.variable.clone()) : undefined,
        correction: this.#correctionOf(parameter),
      })),
    );
  }

  #release(): void {
    for (const { slots, anchor, correction } of this.#states) {
      for (const tensor of [...slots, anchor, correction]) tensor?.dispose();
    }
    this.#states = [];
  }

  #run<T>(work: () => T): T {
    return onBackend(this.#backend, work);
  }

  #refuseDisposed(): void {
    if (this.#disposed) throw flError('NF_ENGINE_DISPOSED');
  }
}
