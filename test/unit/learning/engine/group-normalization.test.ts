import { describe, expect, it } from 'vitest';
import { groupNormalization } from '../../../../src/runtime/learning/engine/layers/group-normalization.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';

type Operands = [tf.Tensor, tf.Tensor, tf.Tensor];
const shape: [number, number, number, number] = [2, 3, 5, 6];

/** The textbook formulation in plain operations, differentiated by tfjs. */
function textbook(...[x, gamma, beta]: Operands): tf.Tensor {
  const [n, h, w, c] = shape;
  const grouped = tf.reshape(x, [n, h, w, 3, c / 3]);
  const { mean, variance } = tf.moments(grouped, [1, 2, 4], true);
  const normalized = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(tf.reshape(normalized, shape), gamma), beta);
}

function layerFunction() {
  const layer = groupNormalization({ groups: 3 });
  layer.build(shape);
  const [gamma, beta] = [
    tf.randomNormal([6], 1, 0.3, 'float32', 3),
    tf.randomNormal([6], 0, 1, 'float32', 4),
  ];
  layer.setWeights([gamma, beta]);
  return { layer, gamma, beta };
}

describe('group normalisation', () => {
  it('agrees with the textbook formulation, forward and backward', () => {
    const { layer, gamma, beta } = layerFunction();
    const x = tf.randomNormal(shape, 2, 3, 'float32', 1);
    const weight = tf.randomNormal(shape, 0, 1, 'float32', 2);
    const own = (input: tf.Tensor) => tf.sum(tf.mul(layer.call(input), weight));
    const expectedOf = (...a: tf.Tensor[]) => tf.sum(tf.mul(textbook(...(a as Operands)), weight));
    const expected = tf.grads(expectedOf)([x, gamma, beta]);
    const ownX = tf.grad(own)(x);
    const ownWeights = tf.variableGrads(() => own(x) as tf.Scalar).grads;
    const actual = [ownX, ...Object.values(ownWeights)];
    expect(maxDifference(layer.call(x), textbook(x, gamma, beta))).toBeLessThan(1e-5);
    expected.forEach((gradient, index) => {
      expect(maxDifference(gradient, actual[index] as tf.Tensor)).toBeLessThan(2e-5);
    });
  });

  it('survives constant input', () => {
    const { layer } = layerFunction();
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(layer.call(x)))(tf.fill(shape, 3));
    expect(Number.isFinite(tf.max(tf.abs(gradient)).dataSync()[0])).toBe(true);
  });

  it('is saved and loaded with its model', async () => {
    const layer = groupNormalization({ groups: 2, name: 'norm' });
    const model = tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [4, 4, 6] }), layer] });
    const json: unknown = model.toJSON(null, false);
    const copy = await tfl.models.modelFromJSON(json as Parameters<typeof tfl.models.modelFromJSON>[0]);
    expect(copy.layers[1]?.getConfig()).toMatchObject({ name: 'norm', groups: 2, epsilon: 1e-5 });
  });

  it('names the layer whose channels cannot be divided', () => {
    const layer = groupNormalization({ groups: 4, name: 'norm' });
    expect(() => layer.apply(tf.ones([1, 2, 2, 6]))).toThrow(
      "Layer 'norm' cannot divide 6 channels into 4 groups.",
    );
  });
});

function maxDifference(a: tf.Tensor, b: tf.Tensor): number {
  return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] ?? Number.NaN;
}
