import { keep, scalar, type Tensor, tensor, tidy, variableGrads, zerosLike } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { flError } from '../../kernel/errors.ts';
import type { NdArray, ParamSet } from '../../tensors/nd-array.ts';
import { type BatchShape, checkLength, type PreparedBatch, prepareBatch } from '../batch.ts';
import type { CompiledModel, CompileOptions, TrainBatch } from '../engine.ts';
import { modelShape } from '../model-shape.ts';
import { seededNoise, withNoise } from '../noise.ts';
import { createObjective, type Objective } from '../objective.ts';
import { createOptimizer, type Optimizer, type ScalarTensors } from '../optimizer.ts';
import { modelParameters, type Parameter, requireParams } from '../parameters.ts';
import { onBackend } from '../tfjs.ts';

/** What one trainable weight carries from step to step. */
interface WeightState {
  readonly parameter: Parameter;
  slots: Tensor[];
  anchor: Tensor | undefined;
}

/** A model trained by a tfjs backend, operation by operation, in its own variables. */
export class EagerModel implements CompiledModel {
  readonly #backend: string;
  readonly #model: LayersModel;
  readonly #parameters: readonly Parameter[];
  readonly #shape: BatchShape;
  readonly #objective: Objective;
  readonly #optimizer: Optimizer;
  #states: WeightState[] = [];
  #stepCount = 0;
  #disposed = false;

  constructor(backend: string, model: LayersModel, options: CompileOptions) {
    this.#backend = backend;
    this.#model = model;
    this.#shape = modelShape(model, options.batchSize);
    this.#parameters = modelParameters(model);
    this.#objective = createObjective(options.loss);
    this.#optimizer = createOptimizer(options.optimizer, options.proximal);
    this.#reset();
  }

  async trainStep(batch: TrainBatch): Promise<number> {
    this.#refuseDisposed();
    const prepared = prepareBatch(batch, this.#shape, batch.size);
    const loss = this.#run(() => tidy(() => this.#update(prepared, batch)));
    const [value = Number.NaN] = await loss.data<'float32'>();
    loss.dispose();
    return value;
  }

  async predict(x: Float32Array, size: number): Promise<Float32Array> {
    this.#refuseDisposed();
    const { batchSize, input, classes } = this.#shape;
    const example = input.reduce((product, length) => product * length, 1);
    checkLength('x', x, size * example);
    const logits = new Float32Array(size * classes);
    for (let start = 0; start < size; start += batchSize) {
      const rows = Math.min(batchSize, size - start);
      const part = x.subarray(start * example, (start + rows) * example);
      const result = this.#run(() => tidy(() => this.#forward(tensor(part, [rows, ...input]))));
      logits.set(await result.data<'float32'>(), start * classes);
      result.dispose();
    }
    return logits;
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

  dispose(): void {
    this.#disposed = true;
    this.#release();
  }

  /** Computes gradients and gives every trainable weight its new value. */
  #update(prepared: PreparedBatch, { learningRate, seed }: TrainBatch): Tensor {
    const { rows } = prepared;
    const batch = {
      x: tensor(prepared.x, [rows, ...this.#shape.input]),
      y: tensor(prepared.y, [rows, this.#shape.classes]),
      weights: tensor(prepared.weights, [rows]),
    };
    const loss = () => withNoise(this.#model, seededNoise(seed), () => this.#objective(this.#model, batch));
    const variables = this.#states.map(({ parameter }) => parameter.variable);
    const { value, grads } = variableGrads(loss, variables);
    this.#stepCount++;
    const scalars = this.#scalars(learningRate);
    for (const state of this.#states) {
      const { variable } = state.parameter;
      const gradient = grads[variable.name] ?? zerosLike(variable);
      const updated = this.#optimizer.update({ ...state, weight: variable, gradient, scalars });
      variable.assign(updated.weight);
      for (const slot of state.slots) slot.dispose();
      state.slots = updated.slots.map((slot) => keep(slot));
    }
    return value;
  }

  #forward(x: Tensor): Tensor {
    return this.#model.apply(x, { training: false }) as Tensor;
  }

  #scalars(learningRate: number): ScalarTensors {
    const numbers = this.#optimizer.scalars(this.#stepCount, learningRate);
    return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, scalar(value)]));
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
      })),
    );
  }

  #release(): void {
    for (const { slots, anchor } of this.#states) {
      for (const slot of slots) slot.dispose();
      anchor?.dispose();
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
