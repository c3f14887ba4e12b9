import { softmax, type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { modelShape } from '../engine/model-shape.ts';
import { encodeModel } from '../engine/onnx/encode.ts';
import type { OnnxParts } from '../engine/onnx/graph.ts';
import { withOpenBatch } from '../engine/onnx/open-batch.ts';
import { layerNames, modelParameters } from '../engine/parameters.ts';
import { Recorder } from '../engine/trace/recorder.ts';
import { identityOrder, materialize, whole } from '../engine/trace/symbolic.ts';
import { tracingLayers } from '../engine/trace/tracing-layers.ts';

/** Names of an exported graph's ends. */
export const EXPORTED = {
  image: 'image',
  features: 'features',
  logits: 'logits',
  probabilities: 'probabilities',
} as const;

/**
 * A classifier in inference mode as an ONNX file (operator set 21): images [batch, ...] to logits and probabilities. Weights are
 * initializers under their own names (`conv1/kernel`), in TensorFlow's axis order. Any batch size, unless a layer forbids it.
 */
export function exportOnnx(
  model: LayersModel,
  metadata: Readonly<Record<string, string>>,
): { bytes: Uint8Array; anyBatch: boolean } {
  // Two primes that no layer is likely to have as a size.
  const [first, second] = [traced(model, 61, classified), traced(model, 67, classified)];
  const open = withOpenBatch(first, second);
  const bytes = encodeModel(open ?? traced(model, 1, classified), { name: model.name, metadata });
  return { bytes, anyBatch: open !== undefined };
}

/** The graph of a classifier for one example: `image` [1, ...] to logits and probabilities. */
export function classifierParts(model: LayersModel): OnnxParts {
  return traced(model, 1, classified);
}

/** What a model gives for one picture, as an ONNX file: `image` [1, ...] to `features`. */
export function exportFeatures(model: LayersModel): Uint8Array {
  const parts = traced(model, 1, (recorder, features) => output(recorder, EXPORTED.features, features));
  return encodeModel(parts, { name: model.name });
}

/** Makes outputs of what a model gives. */
type Finish = (recorder: Recorder, result: Tensor) => void;

function classified(recorder: Recorder, logits: Tensor): void {
  output(recorder, EXPORTED.logits, logits);
  output(recorder, EXPORTED.probabilities, softmax(logits));
}

function traced(model: LayersModel, rows: number, finish: Finish): OnnxParts {
  const recorder = new Recorder({ forInference: true });
  const { graph } = recorder;
  const shape = [rows, ...modelShape(model, { batchSize: rows }).input];
  const names = layerNames(model);
  recorder.record(() =>
    tidy(() => {
      graph.input({ name: EXPORTED.image, type: 'float32', shape });
      for (const { name, shape: size, variable } of modelParameters(model)) {
        const data = Float32Array.from(variable.dataSync());
        graph.initializer({ name, type: 'float32', shape: size, data });
        recorder.bind(variable, whole(name, size));
      }
      const image = recorder.tensor(whole(EXPORTED.image, shape));
      const apply = () => model.apply(image, { training: false }) as Tensor;
      finish(
        recorder,
        tracingLayers(recorder, apply, (layer) => names.get(layer)),
      );
    }),
  );
  return graph.live();
}

function output(recorder: Recorder, name: string, tensor: Tensor): void {
  const symbolic = recorder.symbolic(tensor);
  const value = materialize(recorder.graph, symbolic, identityOrder(symbolic.shape.length));
  recorder.graph.output({ name, type: 'float32', shape: symbolic.shape }, value);
}
