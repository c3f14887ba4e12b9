import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import type { LossOptions, UnitBatch } from '../../../../src/runtime/learning/engine/engine.ts';
import { groupNormalization } from '../../../../src/runtime/learning/engine/layers/group-normalization.ts';
import { createEngine } from '../../../../src/runtime/learning/engine/registry.ts';
import { tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { buildModel } from '../../../../src/runtime/learning/models/build.ts';
import { residualCnn } from '../../../conformance/fixture-models.ts';

const { layers } = tfl;
const { engine } = await createEngine('ort');
type Apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]) => tfl.SymbolicTensor;
const apply: Apply = (layer, x) => layer.apply(x) as tfl.SymbolicTensor;

interface Setting {
  readonly units?: number;
  readonly rowsPerUnit?: number;
  readonly loss?: LossOptions;
  readonly clip?: number;
  readonly grid?: number;
}

function batchFor(
  model: tfl.LayersModel,
  { units = 5, rowsPerUnit = 1, clip = 0.5, grid = 4096 }: Setting,
): UnitBatch {
  const random = createRandom('units', units);
  const rows = units * rowsPerUnit;
  const sizeOf = (shape: readonly (number | null)[]) =>
    shape.slice(1).reduce<number>((size, axis) => size * (axis ?? 1), 1);
  const [input, output] = [sizeOf(model.inputs[0]?.shape ?? []), sizeOf(model.outputs[0]?.shape ?? [])];
  const channels = model.outputs[0]?.shape.at(-1) ?? 1;
  // Pictures of unlike strength: some gradients are clipped, and some are not.
  const x = Float32Array.from(
    { length: rows * input },
    (_, at) => random.normal() * (1 + Math.floor(at / input)),
  );
  const y = new Float32Array(rows * output);
  for (let at = 0; at < y.length; at += channels) y[at + random.int(channels)] = 1;
  const weights = Float32Array.from({ length: rows }, (_, row) =>
    row >= rows - rowsPerUnit ? 0 : 1 / rowsPerUnit,
  );
  return { x, y, weights, clip, grid, seed: 9 };
}

/** All units at once, and one after another. */
async function bothWays(make: () => tfl.LayersModel, setting: Setting = {}) {
  const { units = 5, rowsPerUnit = 1, loss } = setting;
  const compiled = async (oneByOne: boolean) => {
    const model = make();
    const made = await engine.compile(model, {
      batchSize: units * rowsPerUnit,
      optimizer: { kind: 'sgd' },
      units: { units, rowsPerUnit, oneByOne },
      ...(loss && { loss }),
    });
    const given = await made.unitGradient(batchFor(model, setting));
    made.dispose();
    return given;
  };
  return { fast: await compiled(false), reference: await compiled(true) };
}

function expectSame({ fast, reference }: Awaited<ReturnType<typeof bothWays>>): void {
  expect(reference.norms.filter((norm) => norm > 0).length).toBeGreaterThan(2);
  for (const [unit, norm] of reference.norms.entries())
    expect(Math.abs((fast.norms[unit] ?? 0) - norm)).toBeLessThanOrEqual(1e-4 * norm);
  let largest = 0;
  for (const [at, whole] of reference.sum.entries()) {
    expect(Number.isInteger(fast.sum[at])).toBe(true);
    largest = Math.max(largest, Math.abs((fast.sum[at] ?? 0) - whole));
  }
  expect(largest).toBeLessThanOrEqual(2);
}

const he = (seed: number) => tfl.initializers.heNormal({ seed });
const image = (size = 12, channels = 2) => tfl.input({ shape: [size, size, channels] });
const head = (x: tfl.SymbolicTensor, inputs: tfl.SymbolicTensor) =>
  tfl.model({
    inputs,
    outputs: apply(
      layers.dense({ units: 3, kernelInitializer: he(8) }),
      apply(layers.globalAveragePooling2d({}), x),
    ),
  });
const conv = (filters: number, more: object = {}) =>
  layers.conv2d({
    filters,
    kernelSize: 3,
    padding: 'same',
    kernelInitializer: he(filters),
    activation: 'tanh',
    ...more,
  });

/** Of each kind of layer that has weights. */
const MODELS: readonly [string, () => tfl.LayersModel, Setting?][] = [
  ['mri-cnn', () => buildModel({ type: 'mri-cnn', image_size: 16, width: 8, num_classes: 3 })],
  ['mri-resnet', () => buildModel({ type: 'mri-resnet', image_size: 16, width: 8, num_classes: 3 })],
  [
    'mri-cnn of volumes',
    () => buildModel({ type: 'mri-cnn', dimensions: 3, image_size: 16, width: 8, num_classes: 3 }),
  ],
  ['a residual network with pooling', () => residualCnn({ size: 8, widths: [4, 8] })],
  [
    'several rows a unit',
    () => buildModel({ type: 'mri-cnn', image_size: 16, width: 8, num_classes: 3 }),
    { rowsPerUnit: 3 },
  ],
  [
    'dropout',
    () => buildModel({ type: 'mri-cnn', image_size: 16, width: 8, num_classes: 3, dropout: 0.4 }),
    { rowsPerUnit: 2 },
  ],
  [
    'strides and dilation',
    () => {
      const input = image();
      return head(apply(conv(5, { dilationRate: 2 }), apply(conv(4, { strides: 2 }), input)), input);
    },
  ],
  [
    'depthwise convolution',
    () => {
      const input = image();
      return head(
        apply(
          layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, depthwiseInitializer: he(3) }),
          input,
        ),
        input,
      );
    },
  ],
  [
    'transposed convolution',
    () => {
      const input = image();
      return head(
        apply(
          layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, kernelInitializer: he(4) }),
          input,
        ),
        input,
      );
    },
  ],
  [
    'group and layer norm',
    () => {
      const input = image();
      const x = apply(groupNormalization({ groups: 2 }), apply(conv(4), input));
      return head(apply(layers.layerNormalization(), x), input);
    },
  ],
  [
    'two branches with a bias each, whose gradients are one node',
    () => {
      const input = image();
      const x = apply(layers.add(), [
        apply(conv(4, { activation: 'linear' }), input),
        apply(conv(4, { activation: 'linear', kernelInitializer: he(77) }), input),
      ]);
      return head(x, input);
    },
  ],
  [
    'a layer that is used twice',
    () => {
      const input = image(12, 4);
      const shared = conv(4);
      return head(apply(shared, apply(shared, input)), input);
    },
  ],
  [
    'dense layers at each position',
    () => {
      const input = image();
      return head(
        apply(layers.dense({ units: 4, kernelInitializer: he(5), activation: 'tanh' }), input),
        input,
      );
    },
  ],
  [
    'as many filters as units',
    () => {
      const input = image();
      return head(apply(conv(5), input), input);
    },
  ],
  [
    'a volume',
    () => {
      const input = tfl.input({ shape: [6, 6, 6, 1] });
      const x = apply(
        layers.conv3d({ filters: 3, kernelSize: 3, padding: 'same', kernelInitializer: he(6) }),
        input,
      );
      return tfl.model({
        inputs: input,
        outputs: apply(layers.dense({ units: 2, kernelInitializer: he(7) }), apply(layers.flatten(), x)),
      });
    },
  ],
  [
    'segmentation',
    () => {
      const input = image(8, 1);
      const x = apply(
        layers.upSampling2d({}),
        apply(layers.maxPooling2d({ poolSize: 2 }), apply(conv(4), input)),
      );
      return tfl.model({ inputs: input, outputs: apply(conv(2, { activation: 'linear' }), x) });
    },
    { loss: { kind: 'dice' } },
  ],
];

describe('gradients of units, clipped all at once,', () => {
  it.each(MODELS)('are those of one after another: %s', async (_, make, setting) => {
    expectSame(await bothWays(make, setting));
  });

  it('are no longer than the clip, whatever the norm was', async () => {
    const make = () => buildModel({ type: 'mri-cnn', image_size: 16, width: 8, num_classes: 3 });
    for (const scale of [1e-3, 1, 1e3]) {
      const { fast, reference } = await bothWays(make, { units: 2, clip: 1e-2 * scale });
      const [norm = 0] = reference.norms;
      const length = Math.hypot(...fast.sum);
      const rounding = Math.sqrt(fast.sum.length) / 2;
      expect(length).toBeLessThanOrEqual(4096 * (1 + 1e-4) + rounding);
      expect(length).toBeGreaterThan(4096 * Math.min(1, norm / (1e-2 * scale)) - rounding - 1);
    }
  });

  it('do not see regularisers, and are refused where they are no gradient of one', async () => {
    const compile = (layer: tfl.layers.Layer) => {
      const input = image();
      const model = head(apply(layer, apply(conv(4), input)), input);
      return engine.compile(model, {
        batchSize: 4,
        optimizer: { kind: 'sgd' },
        units: { units: 4, rowsPerUnit: 1 },
      });
    };
    await expect(compile(layers.batchNormalization({ name: 'norm' }))).rejects.toMatchObject({
      code: 'NF_PRIVACY_LAYER',
      message: expect.stringContaining("'norm'"),
    });
    const heavy = layers.dense({ units: 4, name: 'heavy', kernelRegularizer: tfl.regularizers.l2() });
    await expect(compile(heavy)).rejects.toMatchObject({
      code: 'NF_PRIVACY_LAYER',
      message: expect.stringContaining("'heavy'"),
    });
  });
});

describe('a step by a gradient from outside', () => {
  it('is the step of the optimizer', async () => {
    const { engine: cpu } = await createEngine('cpu');
    const steps = [engine, cpu].map(async (by) => {
      const model = buildModel({ type: 'mri-cnn', image_size: 16, width: 8, num_classes: 3 });
      const made = await by.compile(model, {
        batchSize: 4,
        optimizer: { kind: 'adam' },
        units: { units: 4, rowsPerUnit: 1 },
      });
      const batch = batchFor(model, { units: 4 });
      for (let step = 0; step < 2; step++) {
        const { sum } = await made.unitGradient(batch);
        await made.applyGradient(
          sum.map((value) => value / 4096 / 4),
          { learningRate: 0.01 },
        );
      }
      const params = made.getParams();
      made.dispose();
      return params;
    });
    const [fast, eager] = await Promise.all(steps);
    for (const [name, { data }] of Object.entries(fast ?? {}))
      for (const [at, value] of [...data].entries())
        expect(Math.abs(value - (eager?.[name]?.data[at] ?? 0))).toBeLessThan(2e-3);
  });
});
