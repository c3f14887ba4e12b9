import {
  concat,
  reshape,
  type Scalar,
  type Tensor,
  type TensorInfo,
  tidy,
  variableGrads,
  zerosLike,
} from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { elementCount } from '../../../base/tensors/nd-array.ts';
import { type BatchShape, logitsOf } from '../batch.ts';
import { type NoiseRequest, type NoiseSource, withNoise } from '../noise.ts';
import type { Objective } from '../objective.ts';
import { encodeModel } from '../onnx/encode.ts';
import type { Optimizer } from '../optimizer.ts';
import { layerNames, type Parameter } from '../parameters.ts';
import { ownData } from './own-data.ts';
import { Recorder } from './recorder.ts';
import { identityOrder, materialize, whole } from './symbolic.ts';
import { tracingLayers } from './tracing-layers.ts';

/**
 * Names of a step's inputs and outputs. Weights and the optimizer's state are each one vector, which keeps the update a dozen
 * operators however many weights there are; the graph cuts the vector of weights into pieces itself.
 */
export const STEP = {
  x: 'x',
  y: 'y',
  exampleWeights: 'example_weights',
  logitOffset: 'logit_offset',
  /** All trainable weights, in the order of `modelParameters`. */
  weights: 'weights',
  anchor: 'anchor',
  correction: 'correction',
  slot: (index: number) => `slot_${index}`,
  /** All other weights, such as moving averages. */
  frozen: 'frozen',
  noise: (index: number) => `noise_${index}`,
  loss: 'loss',
  logits: 'logits',
  next: (name: string) => `next_${name}`,
} as const;

export interface TracedGraph {
  /** An ONNX file. */
  readonly bytes: Uint8Array;
  readonly noise: readonly NoiseRequest[];
}

export interface TraceSubject {
  readonly model: LayersModel;
  readonly parameters: readonly Parameter[];
  readonly shape: BatchShape;
  /** Examples in the traced batch. */
  readonly rows: number;
}

/** The graph of one training step: forward, backward, update of all weights. */
export function traceTrainStep(
  subject: TraceSubject,
  rules: { objective: Objective; optimizer: Optimizer },
): TracedGraph {
  const recorder = new Recorder();
  const { noise, source } = noiseInputs(recorder);
  const { model, rows, shape } = subject;
  traced(recorder, subject, () => {
    const batch = {
      x: input(recorder, STEP.x, [rows, ...shape.input]),
      y: input(recorder, STEP.y, [rows, ...shape.output]),
      weights: input(recorder, STEP.exampleWeights, [rows]),
      logitOffset: input(recorder, STEP.logitOffset, [logitsOf(shape)]),
    };
    const pieces = bindParameters(recorder, subject.parameters);
    const variables = trainable(subject.parameters).map(({ variable }) => variable);
    const loss = () => withNoise(source, () => rules.objective(model, batch));
    const { value, grads } = variableGrads(loss, variables);
    output(recorder, STEP.loss, value);
    const gradients = variables.map((variable) => grads[variable.name] ?? zerosLike(variable));
    traceUpdate(recorder, rules.optimizer, { weights: pieces.trainable, gradient: joined(gradients) });
    if (pieces.frozen) {
      const frozen = subject.parameters.filter((parameter) => !parameter.trainable);
      output(recorder, STEP.next(STEP.frozen), joined(frozen.map(({ variable }) => variable)));
    }
  });
  return { bytes: encodeModel(recorder.graph.live()), noise };
}

/** The graph from images to logits, in inference mode. */
export function traceInference(subject: TraceSubject): TracedGraph {
  const recorder = new Recorder({ forInference: true });
  traced(recorder, subject, () => {
    const x = input(recorder, STEP.x, [subject.rows, ...subject.shape.input]);
    bindParameters(recorder, subject.parameters);
    output(recorder, STEP.logits, subject.model.apply(x, { training: false }) as Tensor);
  });
  return { bytes: encodeModel(recorder.graph.live()), noise: [] };
}

/** A source that makes an input of the graph of every noise that layers ask for, and what they asked for. */
export function noiseInputs(recorder: Recorder): {
  readonly noise: readonly NoiseRequest[];
  readonly source: NoiseSource;
} {
  const noise: NoiseRequest[] = [];
  const source: NoiseSource = (request) => {
    noise.push(request);
    return input(recorder, STEP.noise(noise.length - 1), request.shape);
  };
  return { noise, source };
}

/** Records with the model's layers announcing themselves, and leaves its variables as they were. */
export function traced(recorder: Recorder, { model, parameters }: TraceSubject, work: () => void): void {
  ownData(parameters.map(({ variable }) => variable));
  const kept = parameters.map(({ variable }) => ({
    variable,
    dataId: variable.dataId,
    value: variable.clone(),
  }));
  const names = layerNames(model);
  try {
    recorder.record(() => tidy(() => tracingLayers(recorder, work, (layer) => names.get(layer))));
  } finally {
    for (const { variable, dataId, value } of kept) {
      if (variable.dataId !== dataId) variable.assign(value);
      value.dispose();
    }
  }
}

/** Makes the model's variables stand for pieces of the vectors `weights` and `frozen`. */
export function bindParameters(recorder: Recorder, parameters: readonly Parameter[]) {
  const frozen = parameters.filter((parameter) => !parameter.trainable);
  return {
    trainable: bindPieces(recorder, STEP.weights, trainable(parameters)),
    frozen: frozen.length === 0 ? undefined : bindPieces(recorder, STEP.frozen, frozen),
  };
}

function bindPieces(recorder: Recorder, name: string, parameters: readonly Parameter[]): Tensor {
  const { graph } = recorder;
  const sizes = parameters.map(({ shape }) => elementCount(shape));
  const vector = input(recorder, name, [sizes.reduce((sum, size) => sum + size, 0)]);
  // Slices rather than one Split: WebGPU allows an operator few outputs.
  let start = 0;
  parameters.forEach(({ variable, shape }, index) => {
    const end = start + (sizes[index] ?? 0);
    const range = [[start], [end], [0]].map((list) => graph.int64s(list));
    const piece = graph.op('Slice', [name, ...range]);
    recorder.bind(variable, whole(graph.op('Reshape', [piece, graph.int64s(shape)]), shape));
    start = end;
  });
  return vector;
}

export function traceUpdate(
  recorder: Recorder,
  optimizer: Optimizer,
  of: { weights: Tensor; gradient: Tensor },
): void {
  const { weights, gradient } = of;
  const slots = Array.from({ length: optimizer.slotCount }, (_, index) =>
    input(recorder, STEP.slot(index), weights.shape),
  );
  const scalars = Object.fromEntries(
    Object.keys(optimizer.scalars(1, { learningRate: 0 })).map((name) => [
      name,
      input(recorder, name, []) as Scalar,
    ]),
  );
  const anchor = optimizer.usesAnchor ? input(recorder, STEP.anchor, weights.shape) : undefined;
  const correction = optimizer.usesCorrection ? input(recorder, STEP.correction, weights.shape) : undefined;
  const [clipped = gradient] = optimizer.clip([gradient]);
  const state = { weight: weights, gradient: clipped, slots, anchor, correction, scalars };
  const updated = optimizer.update(state);
  output(recorder, STEP.next(STEP.weights), updated.weight);
  updated.slots.forEach((slot, index) => {
    output(recorder, STEP.next(STEP.slot(index)), slot);
  });
}

export function joined(tensors: readonly Tensor[]): Tensor {
  return concat(tensors.map((tensor) => reshape(tensor, [-1])));
}

export function input(recorder: Recorder, name: string, shape: readonly number[]): Tensor {
  recorder.graph.input({ name, type: 'float32', shape });
  return recorder.tensor(whole(name, shape));
}

export function output(recorder: Recorder, name: string, tensor: TensorInfo): void {
  const symbolic = recorder.symbolic(tensor);
  const value = materialize(recorder.graph, symbolic, identityOrder(symbolic.shape.length));
  recorder.graph.output({ name, type: 'float32', shape: symbolic.shape }, value);
}

export function trainable(parameters: readonly Parameter[]): Parameter[] {
  return parameters.filter((parameter) => parameter.trainable);
}
