import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { OnnxValue, Tensor } from 'onnxruntime-common';
import { flError } from '../../../base/errors/errors.ts';
import { elementCount, type ParamSet } from '../../../base/tensors/nd-array.ts';
import { type BatchShape, checkLength, filledUp, prepareBatch } from '../batch.ts';
import type { CompiledModel, CompileOptions, TrainBatch, UnitBatch, UnitGradient } from '../engine.ts';
import { mixesExamples, modelShape } from '../model-shape.ts';
import { noiseValues } from '../noise.ts';
import { createObjective, type Objective } from '../objective.ts';
import { createOptimizer, type Optimizer, type StepScalars } from '../optimizer.ts';
import { modelParameters, type Parameter, requireCorrection, requireParams } from '../parameters.ts';
import { STEP, type TracedGraph, traceInference, traceTrainStep } from '../trace/trace-model.ts';
import { OrtState } from './ort-state.ts';
import { OrtUnits, requireUnits } from './ort-units.ts';
import { floats, only } from './run-values.ts';
import type { OrtRuntime } from './runtime.ts';
import { leaseSession, type SessionLease } from './session-cache.ts';

interface Compiled extends SessionLease {
  readonly noise: TracedGraph['noise'];
}

/** A model whose training step and inference are one ONNX graph each, run by ONNX Runtime. */
export class OrtModel implements CompiledModel {
  readonly #runtime: OrtRuntime;
  readonly #model: LayersModel;
  readonly #parameters: readonly Parameter[];
  readonly #shape: BatchShape;
  readonly #objective: Objective;
  readonly #optimizer: Optimizer;
  readonly #fillsUp: boolean;
  readonly #state: OrtState;
  /** By rows of the batch; `inference` apart. */
  readonly #steps = new Map<number, Promise<Compiled>>();
  #inference: Promise<Compiled> | undefined;
  readonly #units: OrtUnits | undefined;
  #disposed = false;

  constructor(runtime: OrtRuntime, model: LayersModel, options: CompileOptions) {
    this.#runtime = runtime;
    this.#model = model;
    this.#shape = modelShape(model, options);
    this.#parameters = modelParameters(model);
    this.#objective = createObjective(options.loss);
    this.#optimizer = createOptimizer(options);
    this.#fillsUp = !mixesExamples(model);
    this.#state = new OrtState(this.#parameters, this.#optimizer.slotCount);
    this.#state.write(({ variable }) => variable.dataSync());
    this.#units = options.units && new OrtUnits({ ...this.#subject(), runtime, options, state: this.#state });
  }

  /** Traces the full batch's step and makes its session, so that a kernel without mapping is known at once. */
  async prepare(): Promise<this> {
    if (this.#units) await this.#units.prepare();
    else await this.#step(this.#shape.batchSize);
    return this;
  }

  async trainStep(batch: TrainBatch): Promise<number> {
    this.#refuseDisposed();
    const rows = this.#fillsUp ? this.#shape.batchSize : batch.size;
    const prepared = prepareBatch(batch, this.#shape, rows);
    const { session, noise } = await this.#step(rows);
    const scalars = this.#optimizer.scalars(this.#state.stepCount + 1, batch);
    const random = noise.map((request, index) =>
      this.#tensor(noiseValues(request, batch.seed, index), request.shape),
    );
    const feeds: Record<string, Tensor> = {
      [STEP.x]: this.#tensor(prepared.x, [rows, ...this.#shape.input]),
      [STEP.y]: this.#tensor(prepared.y, [rows, ...this.#shape.output]),
      [STEP.exampleWeights]: this.#tensor(prepared.weights),
      [STEP.logitOffset]: this.#tensor(prepared.logitOffset),
      ...Object.fromEntries(random.map((tensor, index) => [STEP.noise(index), tensor])),
      ...this.#scalars(scalars),
      ...this.#stateTensors(),
    };
    return this.#advance(await session.run(only(feeds, session.inputNames), this.#fetches()));
  }

  async unitGradient(batch: UnitBatch): Promise<UnitGradient> {
    this.#refuseDisposed();
    return requireUnits(this.#units).gradient(batch);
  }

  async applyGradient(
    gradient: Float32Array,
    step: Pick<TrainBatch, 'learningRate' | 'proximal'>,
  ): Promise<void> {
    this.#refuseDisposed();
    const { feeds, session } = await requireUnits(this.#units).step(gradient);
    const scalars = this.#scalars(this.#optimizer.scalars(this.#state.stepCount + 1, step));
    const all = { ...feeds, ...scalars, ...this.#stateTensors() };
    const { [STEP.loss]: _, ...fetches } = this.#fetches();
    this.#take(await session.run(only(all, session.inputNames), fetches));
  }

  async predict(x: Float32Array, size: number): Promise<Float32Array> {
    this.#refuseDisposed();
    const { batchSize, input, output } = this.#shape;
    const [example, outputs] = [elementCount(input), elementCount(output)];
    checkLength('x', x, size * example);
    this.#inference ??= this.#lease(traceInference({ ...this.#subject(), rows: batchSize }));
    const { session } = await this.#inference;
    const results = new Float32Array(size * outputs);
    for (let start = 0; start < size; start += batchSize) {
      const rows = Math.min(batchSize, size - start);
      const part = filledUp(x.subarray(start * example, (start + rows) * example), batchSize * example);
      const feeds = { [STEP.x]: this.#tensor(part, [batchSize, ...input]), ...this.#stateTensors() };
      const given = await session.run(only(feeds, session.inputNames));
      results.set(floats(given[STEP.logits]).subarray(0, rows * outputs), start * outputs);
    }
    return results;
  }

  getParams(): ParamSet {
    this.#refuseDisposed();
    return this.#state.read();
  }

  setParams(params: ParamSet): void {
    this.#refuseDisposed();
    requireParams(this.#parameters, params);
    this.#state.write(({ name }) => params[name]?.data ?? []);
  }

  setCorrection(correction: ParamSet | undefined): void {
    this.#refuseDisposed();
    const trainable = requireCorrection(this.#parameters, this.#optimizer, correction);
    this.#state.writeCorrection(trainable.map(({ name }) => correction?.[name]?.data));
  }

  dispose(): void {
    this.#disposed = true;
    for (const compiled of [...this.#steps.values(), this.#inference]) {
      compiled?.then(
        (lease) => lease.release(),
        () => undefined, // the failure was the caller's when it arose
      );
    }
    this.#units?.dispose();
    this.#steps.clear();
    this.#inference = undefined;
  }

  #subject() {
    return { model: this.#model, parameters: this.#parameters, shape: this.#shape };
  }

  #step(rows: number): Promise<Compiled> {
    const known = this.#steps.get(rows);
    if (known) return known;
    const rules = { objective: this.#objective, optimizer: this.#optimizer };
    const compiled = this.#lease(traceTrainStep({ ...this.#subject(), rows }, rules));
    this.#steps.set(rows, compiled);
    return compiled;
  }

  async #lease({ bytes, noise }: TracedGraph): Promise<Compiled> {
    return { ...(await leaseSession(this.#runtime, bytes)), noise };
  }

  #tensor(data: Float32Array, shape: readonly number[] = [data.length]): Tensor {
    return new this.#runtime.Tensor('float32', data, shape);
  }

  #scalars(scalars: StepScalars): Record<string, Tensor> {
    const tensor = (value: number) => this.#tensor(Float32Array.of(value), []);
    return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensor(value)]));
  }

  #stateTensors(): Record<string, Tensor> {
    return Object.fromEntries(this.#state.inputs().map(({ name, data }) => [name, this.#tensor(data)]));
  }

  /** The native runtime writes results into buffers that it is given; the other one makes new ones. */
  #fetches(): Record<string, Tensor | null> {
    const into = ({ name, data }: { name: string; data: Float32Array }): [string, Tensor | null] => [
      name,
      this.#runtime.build === 'native' ? this.#tensor(data) : null,
    ];
    return { [STEP.loss]: null, ...Object.fromEntries(this.#state.outputs().map(into)) };
  }

  #advance(results: Readonly<Record<string, OnnxValue>>): number {
    this.#take(results);
    return floats(results[STEP.loss])[0] ?? Number.NaN;
  }

  /** Makes what a step gave the present state. */
  #take(results: Readonly<Record<string, OnnxValue>>): void {
    for (const { name, data } of this.#state.outputs()) {
      const result = floats(results[name]);
      if (result !== data) data.set(result);
    }
    this.#state.advance();
  }

  #refuseDisposed(): void {
    if (this.#disposed) throw flError('NF_ENGINE_DISPOSED');
  }
}
