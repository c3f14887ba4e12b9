import { describe, expect, it } from 'vitest';
import { noiseValues, seededNoise, withNoise } from '../../../../src/runtime/learning/engine/noise.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';

const SIZE = 20_000;

function noisy(layer: tfl.layers.Layer, input: tf.Tensor, seed = 1): tf.Tensor {
  const model = tfl.sequential({
    layers: [tfl.layers.inputLayer({ inputShape: input.shape.slice(1) }), layer],
  });
  return withNoise(seededNoise(seed), () => model.apply(input, { training: true }) as tf.Tensor);
}

function moments(x: tf.Tensor): { mean: number; variance: number } {
  const { mean, variance } = tf.moments(x);
  return { mean: mean.dataSync()[0] ?? Number.NaN, variance: variance.dataSync()[0] ?? Number.NaN };
}

describe('noise of a step', () => {
  it('drops the share that dropout says, and keeps the mean', () => {
    const dropped = noisy(tfl.layers.dropout({ rate: 0.25 }), tf.ones([1, SIZE]));
    const values = dropped.dataSync();
    const zeros = values.filter((value) => value === 0).length;
    expect(zeros / SIZE).toBeCloseTo(0.25, 1);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(moments(dropped).mean).toBeCloseTo(1, 1);
  });

  it('drops whole features where the layer shares its noise', () => {
    const layer = tfl.layers.dropout({ rate: 0.5, noiseShape: [1, 1, 50] });
    const values = tf.max(noisy(layer, tf.ones([2, 3, 50])), [0, 1]).dataSync();
    const least = tf.min(noisy(layer, tf.ones([2, 3, 50])), [0, 1]).dataSync();
    expect(values).toEqual(least);
    const spatial = noisy(tfl.layers.spatialDropout1d({ rate: 0.5 }), tf.ones([2, 3, 50]));
    expect(tf.max(spatial, 1).dataSync()).toEqual(tf.min(spatial, 1).dataSync());
  });

  it('adds and multiplies by Gaussian noise of the right size', () => {
    const added = moments(noisy(tfl.layers.gaussianNoise({ stddev: 2 }), tf.zeros([1, SIZE])));
    expect(added.mean).toBeCloseTo(0, 1);
    expect(added.variance).toBeGreaterThan(3.8);
    expect(added.variance).toBeLessThan(4.2);
    const multiplied = moments(noisy(tfl.layers.gaussianDropout({ rate: 0.5 }), tf.ones([1, SIZE])));
    expect(multiplied.mean).toBeCloseTo(1, 1);
    expect(multiplied.variance).toBeCloseTo(1, 1);
  });

  it('keeps mean and variance in alpha dropout', () => {
    const normal = tf.randomNormal([1, SIZE], 0, 1, 'float32', 4);
    const { mean, variance } = moments(noisy(tfl.layers.alphaDropout({ rate: 0.2 }), normal));
    expect(mean).toBeCloseTo(0, 1);
    expect(variance).toBeCloseTo(1, 1);
  });

  it('follows from the seed, differs between layers and between seeds', () => {
    const request = { kind: 'uniform', shape: [100] } as const;
    expect(noiseValues(request, 1, 0)).toEqual(noiseValues(request, 1, 0));
    expect(noiseValues(request, 1, 0)).not.toEqual(noiseValues(request, 2, 0));
    expect(noiseValues(request, 1, 0)).not.toEqual(noiseValues(request, 1, 1));
  });

  it('gives the examples of a smaller batch the numbers they have in a full one', () => {
    const full = noiseValues({ kind: 'normal', shape: [8, 5] }, 3, 0);
    expect(noiseValues({ kind: 'normal', shape: [2, 5] }, 3, 0)).toEqual(full.slice(0, 10));
  });

  it('leaves layers as they were', () => {
    const layer = tfl.layers.dropout({ rate: 0.5 });
    noisy(layer, tf.ones([1, 4]));
    expect(Object.hasOwn(layer, 'call')).toBe(false);
  });
});
