import { describe, expect, it, vi } from 'vitest';
import { ortEntry } from '../../../../src/runtime/learning/engine/ort/packages.ts';
import { makeEngine, makeOrtBuild } from '../../../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { Recorder } from '../../../../src/runtime/learning/engine/trace/recorder.ts';

interface OrtModule {
  readonly InferenceSession: { create(bytes: Uint8Array): Promise<unknown> };
}

type Call = (x: tf.Tensor) => tf.Tensor;

/** A model whose middle layer, named `custom`, computes what it is given. */
function modelWith(call: Call): tfl.LayersModel {
  class Custom extends tfl.layers.Layer {
    static readonly className = 'Custom';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const [x] = [inputs].flat();
      return call(x as tf.Tensor);
    }
  }
  return tfl.sequential({
    layers: [
      tfl.layers.dense({ inputShape: [3], units: 4, kernelInitializer: tfl.initializers.ones() }),
      new Custom({ name: 'custom' }),
      tfl.layers.dense({ units: 2, kernelInitializer: tfl.initializers.ones() }),
    ],
  });
}

const options = { batchSize: 2, optimizer: { kind: 'sgd' } } as const;
const batch = {
  x: Float32Array.of(1, 2, 3, 4, 5, 6),
  y: Float32Array.of(1, 0, 0, 1),
  size: 2,
  learningRate: 0.1,
  seed: 1,
};

async function failureOf(call: Call): Promise<unknown> {
  const engine = await makeEngine('ort', 'test');
  return engine.compile(modelWith(call), options).catch((error: unknown) => error);
}

describe('tracing a model', () => {
  it('compiles layers of the user', async () => {
    const engine = await makeEngine('ort', 'test');
    const model = await engine.compile(
      modelWith((x) => tf.mul(x, 2)),
      options,
    );
    expect(await model.trainStep(batch)).toBeCloseTo(Math.LN2, 5);
  });

  it('tells weights apart that were set from one tensor', async () => {
    const kernel = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const zeros = tf.zeros([2]);
    const build = () => {
      const dense = () => tfl.layers.dense({ units: 2, inputShape: [2] });
      const model = tfl.sequential({ layers: [dense(), dense()] });
      model.setWeights([kernel, zeros, kernel, zeros]);
      return model;
    };
    const given = { ...batch, x: Float32Array.of(1, 2, 3, 4) };
    const [own, expected] = await Promise.all(
      (['ort', 'cpu'] as const).map(async (name) => {
        const compiled = await (await makeEngine(name, 'test')).compile(build(), options);
        for (let step = 0; step < 2; step++) await compiled.trainStep(given);
        return Object.values(compiled.getParams()).flatMap(({ data }) => [...data]);
      }),
    );
    for (const [index, value] of (expected ?? []).entries())
      expect(own?.[index]).toBeCloseTo(Number(value), 5);
  });

  it('names the kernel and the layer that it cannot map', async () => {
    expect(await failureOf((x) => tf.cumsum(x, 1))).toMatchObject({
      code: 'NF_ENGINE_KERNEL_UNMAPPED',
      message: "The ort engine has no mapping for kernel 'Cumsum', used by layer 'custom'.",
    });
  });

  it('names the layer whose values are read while tracing', async () => {
    const reading: Call = (x) => tf.mul(x, tf.mean(x).dataSync()[0] ?? 1);
    expect(await failureOf(reading)).toMatchObject({
      code: 'NF_ENGINE_VALUE_READ',
      message: "The training step reads a tensor's value while it is being traced, in layer 'custom'.",
    });
  });

  it('refuses randomness that would be frozen into the graph', async () => {
    const random = Math.random;
    expect(await failureOf((x) => tf.add(x, tf.randomUniform(x.shape)))).toMatchObject({
      code: 'NF_ENGINE_RANDOM_UNSEEDED',
      message: "Random numbers are drawn outside the seed of the step, in layer 'custom'.",
    });
    expect(Math.random).toBe(random);
  });

  it('leaves the model and tfjs as they were, also after a failure', async () => {
    const backend = tf.getBackend();
    const model = modelWith((x) => tf.cumsum(x, 1));
    const before = model.getWeights().map((weight) => weight.dataSync());
    const engine = await makeEngine('ort', 'test');
    await expect(engine.compile(model, options)).rejects.toThrow();
    expect(tf.getBackend()).toBe(backend);
    expect(model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
    expect(model.predict(tf.ones([1, 3]))).toBeInstanceOf(tf.Tensor);
  });

  it('holds no tensors of its own', async () => {
    const model = modelWith((x) => tf.tanh(x));
    const engine = await makeEngine('ort', 'test');
    const before = tf.memory().numTensors;
    const compiled = await engine.compile(model, options);
    await compiled.trainStep(batch);
    await compiled.predict(batch.x, 2);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('finds the session of an equal model ready', async () => {
    const { InferenceSession }: OrtModule = await import(ortEntry('onnxruntime-web'));
    const create = vi.spyOn(InferenceSession, 'create');
    const engine = await makeOrtBuild('wasm', 'test', 1);
    const build = () => modelWith((x) => tf.sigmoid(tf.add(x, 0.123)));
    const first = await engine.compile(build(), options);
    expect(await first.trainStep(batch)).toBeGreaterThan(0);
    first.dispose();
    const made = create.mock.calls.length;
    expect(made).toBeGreaterThan(0);
    const second = await engine.compile(build(), options);
    expect(await second.trainStep(batch)).toBeGreaterThan(0);
    expect(create).toHaveBeenCalledTimes(made);
    create.mockRestore();
    second.dispose();
  });

  it('traces once, whatever the learning rates and sizes of batches', async () => {
    const engine = await makeEngine('ort', 'test');
    const model = await engine.compile(modelWith(tf.tanh), { ...options, proximal: 0.1 });
    const record = vi.spyOn(Recorder.prototype, 'record');
    for (const learningRate of [0.1, 0.01, 0]) await model.trainStep({ ...batch, learningRate });
    await model.trainStep({ ...batch, x: batch.x.subarray(0, 3), y: batch.y.subarray(0, 2), size: 1 });
    expect(record).not.toHaveBeenCalled();
    record.mockRestore();
  });

  it('gives layers that mix examples a graph of the size of each batch', async () => {
    const engine = await makeEngine('ort', 'test');
    const model = modelWith((x) => tf.sub(x, tf.mean(x, 0)));
    const [, custom] = model.layers;
    Object.assign(custom ?? {}, { mixesExamples: true });
    const compiled = await engine.compile(model, options);
    const small = { ...batch, x: batch.x.subarray(0, 3), y: batch.y.subarray(0, 2), size: 1 };
    const before = compiled.getParams();
    await compiled.trainStep(small);
    expect(compiled.getParams()['dense/kernel']).toEqual(before['dense/kernel']);
  });

  it('tells apart models that differ in a constant only', async () => {
    const engine = await makeEngine('ort', 'test');
    const lossWith = async (factor: number) => {
      const model = await engine.compile(
        modelWith((x) => tf.mul(x, tf.tensor1d([factor, 1, 1, 1]))),
        options,
      );
      return (await model.predict(batch.x, 2))[0];
    };
    expect(await lossWith(1)).toBe(24);
    expect(await lossWith(3)).toBe(36);
  });
});
