import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { modelParameters } from '../../../src/runtime/learning/engine/parameters.ts';
import { makeEngine } from '../../../src/runtime/learning/engine/registry.ts';
import { buildModel } from '../../../src/runtime/learning/models/build.ts';
import { initialParams, planModel } from '../../../src/runtime/learning/models/initial-params.ts';
import { modelSpecSchema, parseModelSpec } from '../../../src/runtime/learning/models/spec.ts';

const CNN = { type: 'mri-cnn', image_size: 64, classes: ['a', 'b', 'c', 'd'] };
const RESNET = { ...CNN, type: 'mri-resnet' };

function count(spec: unknown): number {
  return Object.values(initialParams(spec)).reduce((total, { data }) => total + data.length, 0);
}

describe('initialParams', () => {
  it('names the parameters of the reference CNN and gives them shapes', () => {
    const shapes = Object.entries(initialParams(CNN)).map(([name, { shape }]) => [name, ...shape].join(' '));
    expect(shapes).toEqual([
      'conv1/kernel 3 3 1 16',
      'conv1/bias 16',
      'conv2/kernel 3 3 16 32',
      'conv2/bias 32',
      'conv3/kernel 3 3 32 64',
      'conv3/bias 64',
      'conv4/kernel 3 3 64 128',
      'conv4/bias 128',
      'hidden/kernel 128 64',
      'hidden/bias 64',
      'logits/kernel 64 4',
      'logits/bias 4',
    ]);
  });

  it('follows from spec and seed alone', () => {
    expect(initialParams(RESNET, 7)).toEqual(initialParams(RESNET, 7));
    expect(initialParams(RESNET, 7)).not.toEqual(initialParams(RESNET, 8));
    const narrow = initialParams({ ...CNN, num_classes: 4, dropout: 0.5 }, 7);
    expect(narrow['conv3/kernel']).toEqual(initialParams(CNN, 7)['conv3/kernel']);
  });

  it('keeps the variance of a ReLU network', () => {
    const data = [...(initialParams(CNN)['conv4/kernel']?.data ?? [])];
    const variance = data.reduce((sum, value) => sum + value * value, 0) / data.length;
    expect(variance / (2 / (9 * 64))).toBeCloseTo(1, 1);
  });

  it('grows with the width', () => {
    expect([count(CNN), count({ ...CNN, width: 8 }), count(RESNET)]).toMatchInlineSnapshot(`
      [
        105668,
        26596,
        307764,
      ]
    `);
  });

  it('has cubic kernels where a model sees volumes', () => {
    const cubic = initialParams({ ...CNN, dimensions: 3 });
    expect(cubic['conv2/kernel']?.shape).toEqual([3, 3, 3, 16, 32]);
    expect(cubic['hidden/kernel']).toEqual(initialParams(CNN)['hidden/kernel']);
    expect(count({ ...RESNET, dimensions: 3 })).toBe(897_876);
  });

  it('starts residual blocks as the identity', () => {
    const params = initialParams(RESNET);
    expect(params['block2_norm1/gamma']?.data.every((value) => value === 1)).toBe(true);
    expect(params['block2_norm2/gamma']?.data.every((value) => value === 0)).toBe(true);
  });
});

describe('buildModel', () => {
  it.each([
    CNN,
    { ...CNN, pooling: 'average' },
    { ...CNN, image_size: 16, dimensions: 3 },
    { ...RESNET, dropout: 0.2 },
    { ...RESNET, image_size: 16, dimensions: 3, channels: 2 },
  ])('gives %j the parameters of initialParams', (spec) => {
    const model = buildModel({ ...spec, seed: 9 });
    const expected = initialParams(spec, 9);
    const built = modelParameters(model);
    expect(built.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
    for (const { name, shape, variable } of built) {
      expect(shape).toEqual(expected[name]?.shape);
      expect(variable.dataSync()).toEqual(expected[name]?.data);
    }
    expect(model.outputs[0]?.shape).toEqual([null, 4]);
  });
});

it.each([
  { type: 'mri-resnet', dimensions: 3, image_size: 16, width: 8, num_classes: 3 },
  { type: 'mri-cnn', dimensions: 3, image_size: 16, width: 8, num_classes: 3 },
  { type: 'unet', patch_size: 8, levels: 2, width: 8 },
])('is the same network on each engine: $type of volumes', async (spec) => {
  const params = initialParams(spec, 2);
  const random = createRandom('volumes');
  const [side] = [spec.image_size ?? spec.patch_size ?? 0];
  const x = Float32Array.from({ length: 2 * side ** 3 }, () => random.normal());
  const [ort, cpu] = await Promise.all(
    (['ort', 'cpu'] as const).map(async (name) => {
      const engine = await makeEngine(name, 'test');
      const model = await engine.compile(buildModel(spec), { batchSize: 2, optimizer: { kind: 'sgd' } });
      model.setParams(params);
      const outputs = await model.predict(x, 2);
      model.dispose();
      return outputs;
    }),
  );
  expect(ort).toHaveLength(cpu?.length ?? 0);
  for (const [at, value] of (ort ?? []).entries()) expect(value).toBeCloseTo(cpu?.[at] ?? Number.NaN, 4);
});

describe('parseModelSpec', () => {
  it('accepts a count of classes in place of names', () => {
    expect(parseModelSpec({ type: 'mri-cnn', image_size: 32, num_classes: 3 })).toHaveProperty(
      'num_classes',
      3,
    );
  });

  it.each([
    [
      { ...CNN, type: 'mri-cn' },
      'NF_MODEL_UNKNOWN',
      /Unknown model type 'mri-cn'\. Did you mean 'mri-cnn'\?/,
    ],
    [{ ...CNN, drop_out: 0.1 }, 'NF_MODEL_KEY', /Unknown key 'drop_out'.*Did you mean 'dropout'\?/],
    [{ ...CNN, image_size: 60 }, 'NF_MODEL_INVALID', /image_size/],
    [{ ...CNN, dimensions: 4 }, 'NF_MODEL_INVALID', /dimensions/],
    [{ ...CNN, dimensions: 3, image_size: 208 }, 'NF_MODEL_INVALID', /a cube has at most 192/],
    [{ ...CNN, image_size: '64' }, 'NF_MODEL_INVALID', /image_size/],
    [{ ...CNN, num_classes: 3 }, 'NF_MODEL_INVALID', /classes/],
    [{ type: 'mri-cnn', image_size: 64 }, 'NF_MODEL_INVALID', /needs classes, or num_classes/],
    [{ ...CNN, classes: ['a', 'a'] }, 'NF_MODEL_INVALID', /twice/],
    [{ ...CNN, dropout: 1 }, 'NF_MODEL_INVALID', /dropout/],
    [null, 'NF_MODEL_UNKNOWN', /Unknown model type ''/],
  ])('refuses %j', (spec, code, message) => {
    expect(() => parseModelSpec(spec)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
    expect(modelSpecSchema.safeParse(spec).success).toBe(false);
  });

  it('gives every layer its own name', () => {
    for (const spec of [CNN, { ...RESNET, dropout: 0.2 }]) {
      const names = JSON.stringify(planModel(parseModelSpec(spec))).match(/"name":"[^"]+"/g) ?? [];
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
