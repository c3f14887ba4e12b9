import type { OnnxValue, Tensor as OrtTensor } from 'onnxruntime-web';
import { encodeModel } from '../../../src/runtime/engine/onnx/encode.ts';
import { loadWasmRuntime } from '../../../src/runtime/engine/ort/runtime.ts';
import { tf } from '../../../src/runtime/engine/tfjs.ts';
import { Recorder } from '../../../src/runtime/engine/trace/recorder.ts';
import { materialize, whole } from '../../../src/runtime/engine/trace/symbolic.ts';

export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor;

/** What a function of tensors gives when it is traced and run by ONNX Runtime. */
export async function runTraced(
  work: (inputs: tf.Tensor[]) => tf.Tensor[],
  inputs: readonly tf.Tensor[],
): Promise<Float32Array[]> {
  const runtime = await loadWasmRuntime(1);
  const recorder = new Recorder();
  const count = recorder.record(() => {
    const placeholders = inputs.map((tensor, index) => {
      recorder.graph.input({ name: `x${index}`, type: 'float32', shape: tensor.shape });
      return recorder.tensor(whole(`x${index}`, tensor.shape));
    });
    const results = work(placeholders);
    results.forEach((tensor, index) => {
      const symbolic = recorder.symbolic(tensor);
      const type = symbolic.dtype;
      recorder.graph.output(
        { name: `y${index}`, type, shape: symbolic.shape },
        materialize(recorder.graph, symbolic),
      );
    });
    return results.length;
  });
  const session = await runtime.createSession(encodeModel(recorder.graph));
  const feeds: Record<string, OrtTensor> = {};
  for (const name of session.inputNames) {
    const tensor = inputs[Number(name.slice(1))];
    if (tensor)
      feeds[name] = new runtime.Tensor('float32', Float32Array.from(tensor.dataSync()), tensor.shape);
  }
  const results = await session.run(feeds);
  await session.release();
  return Array.from({ length: count }, (_, index) => numbers(results[`y${index}`]));
}

function numbers(value: OnnxValue | undefined): Float32Array {
  const data: unknown = value && 'data' in value ? value.data : undefined;
  return Float32Array.from(data as ArrayLike<number>);
}

/** Value, and gradients of its product with fixed random numbers, which reach every element differently. */
export function withGradients(work: TensorFunction): (inputs: tf.Tensor[]) => tf.Tensor[] {
  return (inputs) => {
    const value = work(...inputs);
    const probe = new Float32Array(value.size).map((_, index) => Math.sin(index * 1.7 + 1));
    const scalar = (...given: tf.Tensor[]) => {
      const result = work(...given);
      return tf.sum(tf.mul(result, tf.tensor(probe, result.shape)));
    };
    return [value, ...tf.grads(scalar)(inputs)];
  };
}

export function randomTensor(shape: readonly number[], seed = 1): tf.Tensor {
  return tf.randomNormal([...shape] as tf.Tensor4D['shape'], 0.1, 1, 'float32', seed);
}

/** Largest difference, as a share of the largest expected value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, largest] = [0, 1e-3];
  for (let index = 0; index < expected.length; index++) {
    difference = Math.max(difference, Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? 0)));
    largest = Math.max(largest, Math.abs(expected[index] ?? 0));
  }
  return actual.length === expected.length ? difference / largest : Number.POSITIVE_INFINITY;
}
