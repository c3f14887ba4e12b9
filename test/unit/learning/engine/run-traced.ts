import type { OnnxValue, Tensor as OrtTensor } from 'onnxruntime-common';
import { expect } from 'vitest';
import { encodeModel } from '../../../../src/runtime/learning/engine/onnx/encode.ts';
import { loadWasmRuntime } from '../../../../src/runtime/learning/engine/ort/runtime.ts';
import { tf } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { Recorder } from '../../../../src/runtime/learning/engine/trace/recorder.ts';
import { materialize, whole } from '../../../../src/runtime/learning/engine/trace/symbolic.ts';

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
  const session = await runtime.createSession(encodeModel(recorder.graph.live()));
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

/** Value and gradients of a function, traced and run, against tfjs's cpu backend. */
export async function expectAgreement(
  work: TensorFunction,
  shapes: readonly (readonly number[])[],
): Promise<void> {
  const inputs = shapes.map((shape, index) => randomTensor(shape, index + 1));
  const expected = withGradients(work)(inputs).map((tensor) => tensor.dataSync());
  const actual = await runTraced(withGradients(work), inputs);
  expected.forEach((values, index) => {
    expect(relativeDifference(actual[index] ?? [], values), `output ${index}`).toBeLessThan(1e-5);
  });
}

/** The gradient that `withGradients` gives, from differences of values; for what tfjs's cpu backend has wrong or not at all. */
export function finiteDifferences(work: TensorFunction, x: tf.Tensor): Float32Array {
  const values = x.dataSync();
  const lossAt = (index: number, by: number) => {
    const moved = Float32Array.from(values, (value, at) => (at === index ? value + by : value));
    const result = work(tf.tensor(moved, x.shape)).dataSync();
    return Array.from(result).reduce((sum, value, at) => sum + value * Math.sin(at * 1.7 + 1), 0);
  };
  return new Float32Array(values.length).map((_, index) => (lossAt(index, 0.1) - lossAt(index, -0.1)) / 0.2);
}
