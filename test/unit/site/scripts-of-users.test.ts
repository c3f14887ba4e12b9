import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeOrtBuild } from '../../../src/runtime/learning/engine/registry.ts';
import { tf, tfl } from '../../../src/runtime/learning/engine/tfjs.ts';
import { compile } from '../../../src/runtime/learning/trainer/compile.ts';
import { releaseTrainers } from '../../../src/runtime/learning/trainer/model-pool.ts';
import { setEngine } from '../../../src/runtime/learning/trainer/settings.ts';
import { accelerate } from '../../../src/runtime/learning/trainer/train-on-batch.ts';

beforeAll(() => setEngine(() => makeOrtBuild('wasm', 'test', 1)));
afterEach(() => {
  vi.restoreAllMocks();
  releaseTrainers();
});

const x = tf.randomNormal([8, 6], 0, 1, 'float32', 1);
const y = tf.cast(tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'), 3), 'float32');

function classifier(): tfl.Sequential {
  const kernelInitializer = tfl.initializers.heNormal({ seed: 4 });
  return tfl.sequential({
    layers: [
      tfl.layers.dense({ inputShape: [6], units: 5, activation: 'relu', kernelInitializer }),
      tfl.layers.dense({ units: 3, activation: 'softmax', kernelInitializer }),
    ],
  });
}

describe('scripts in plain TensorFlow.js', () => {
  it.each(['adam', 'sgd', 'rmsprop'])(
    'train by model.compile and trainOnBatch, with %s',
    async (optimizer) => {
      const [own, expected] = [classifier(), classifier()];
      for (const model of [own, expected]) {
        model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
      }
      await accelerate(own);
      for (let step = 0; step < 5; step++) {
        const [loss = 0, accuracy] = [await expected.trainOnBatch(x, y)].flat();
        const seen = [await own.trainOnBatch(x, y)].flat();
        expect(seen[0]).toBeCloseTo(loss, 5);
        expect(seen[1]).toBe(accuracy);
      }
      const [a, b] = [own, expected].map((model) => (model.predict(x) as tf.Tensor).dataSync());
      for (const [at, value] of (a ?? []).entries()) expect(value).toBeCloseTo(b?.[at] ?? 0, 5);
    },
  );

  it('hold on to no tensors by trainOnBatch', async () => {
    const model = classifier();
    model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' });
    await accelerate(model);
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 20; step++) await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('cannot accelerate a model without optimizer', async () => {
    await expect(accelerate(classifier())).rejects.toMatchObject({ code: 'NF_TRAIN_NOT_COMPILED' });
  });

  it('train by optimizer.minimize in a compiled function', async () => {
    const model = classifier();
    const optimizer = tf.train.adam(0.02);
    const step = await compile((images, labels) =>
      optimizer.minimize(
        () =>
          tf.mean(
            tfl.metrics.categoricalCrossentropy(
              labels as tf.Tensor,
              model.apply(images as tf.Tensor) as tf.Tensor,
            ),
          ) as tf.Scalar,
        true,
      ),
    );
    const losses: number[] = [];
    for (let call = 0; call < 60; call++) losses.push(((await step(x, y)) as tf.Tensor).dataSync()[0] ?? 0);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
  });

  it('fail by name where ort has no mapping, and run elsewhere only where that is allowed, which is said', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const work = (values: tf.Tensor) => tf.cumsum(values);
    const strict = await compile(work as Parameters<typeof compile>[0]);
    await expect((strict as (t: tf.Tensor) => Promise<unknown>)(x)).rejects.toMatchObject({
      code: 'NF_ENGINE_KERNEL_UNMAPPED',
    });
    expect(warn).not.toHaveBeenCalled();
    const lenient = await compile((values) => tf.cumsum(values as tf.Tensor), { allowEager: true });
    for (let call = 0; call < 2; call++) {
      const result = (await lenient(x)) as tf.Tensor;
      expect([...result.dataSync()]).toEqual([...tf.cumsum(x).dataSync()]);
    }
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringMatching(/Cumsum.*Training on engine (cpu|tensorflow)/),
    ]);
  });

  it('name an option that there is not', async () => {
    const options = { allowEagr: true } as object;
    await expect(compile(() => undefined, options)).rejects.toMatchObject({ code: 'NF_TRAIN_OPTION' });
  });
});
