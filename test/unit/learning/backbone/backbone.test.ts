import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import type { ParamSet } from '../../../../src/runtime/base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../../../src/runtime/base/tensors/safetensors.ts';
import { LOCAL_FILES } from '../../../../src/runtime/job/job-paths.ts';
import { foldedParams } from '../../../../src/runtime/learning/backbone/folded.ts';
import { backboneParams } from '../../../../src/runtime/learning/backbone/network-file.ts';
import { featuresOfAll, openBackbone } from '../../../../src/runtime/learning/backbone/open-backbone.ts';
import { wholeNetwork } from '../../../../src/runtime/learning/backbone/whole-network.ts';
import { openFrozenGraph } from '../../../../src/runtime/learning/engine/ort/frozen-graph.ts';
import { makeEngine } from '../../../../src/runtime/learning/engine/registry.ts';
import { planBackbone } from '../../../../src/runtime/learning/models/backbone.ts';
import { initialParams } from '../../../../src/runtime/learning/models/initial-params.ts';
import { type BackboneSpec, parseModelSpec } from '../../../../src/runtime/learning/models/spec.ts';
import { openNetwork } from '../../../../src/runtime/learning/trainer/network.ts';
import { type MadeNetwork, weightsOf, writeNetwork } from '../../../support/made-network.ts';
import { encodeModel } from '../../../support/onnx-external.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

function specOf(model: object): BackboneSpec {
  const spec = parseModelSpec({ type: 'backbone', num_classes: 3, ...model });
  if (spec.type !== 'backbone') throw new Error('another type');
  return spec;
}

function pictureOf(side: number, channels: number, seed: number): Float32Array {
  const random = createRandom('picture', seed);
  return Float32Array.from({ length: side * side * channels }, () => random.normal());
}

/** The features, number by number. */
function slowly(
  form: MadeNetwork,
  pixel: (row: number, column: number, channel: number) => number,
  highest: boolean,
) {
  const { kernel, bias } = weightsOf(form);
  const { side, channels, filters } = form;
  const half = side / 2;
  return Array.from({ length: filters }, (_, filter) => {
    const values: number[] = [];
    for (let row = 0; row < half; row++)
      for (let column = 0; column < half; column++) {
        let sum = bias[filter] ?? 0;
        for (let channel = 0; channel < channels; channel++)
          for (let down = 0; down < 3; down++)
            for (let right = 0; right < 3; right++) {
              const [y, x] = [2 * row + down - 1, 2 * column + right - 1];
              if (y < 0 || x < 0 || y >= side || x >= side) continue;
              sum +=
                (kernel[((filter * channels + channel) * 3 + down) * 3 + right] ?? 0) * pixel(y, x, channel);
            }
        values.push(Math.max(0, sum));
      }
    return highest ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

describe('features of a frozen ONNX graph', () => {
  it('are those of the slow computation, on the scale that the job declares', async () => {
    const forms = fc.record({
      side: fc.constantFrom(16, 32),
      filters: fc.integer({ min: 1, max: 5 }),
      grey: fc.boolean(),
      maps: fc.boolean(),
      highest: fc.boolean(),
      mean: fc.double({ min: -1, max: 1, noNaN: true }),
      std: fc.double({ min: 0.2, max: 2, noNaN: true }),
      seed: fc.nat(1000),
    });
    const property = fc.asyncProperty(
      forms,
      async ({ side, filters, grey, maps, highest, mean, std, seed }) => {
        const form = { side, channels: 3, filters, maps, seed };
        const path = await writeNetwork(join(root, `${count++}.onnx`), form);
        const spec = specOf({
          import: path,
          features: filters,
          image_size: side,
          channels: grey ? 1 : 3,
          input_mean: mean,
          input_std: [std, 1, 2 * std],
          pooling: maps && highest ? 'max' : 'average',
        });
        const picture = pictureOf(side, grey ? 1 : 3, seed);
        const { features } = await openBackbone(spec);
        const scales = [std, 1, 2 * std];
        const expected = slowly(
          form,
          (row, column, channel) => {
            const at = row * side + column;
            const value = grey ? picture[at] : picture[at * 3 + channel];
            return mean + (scales[channel] ?? 0) * (value ?? 0);
          },
          maps && highest,
        );
        const found = await features(picture);
        expect(found).toHaveLength(filters);
        for (const [at, value] of expected.entries()) expect(found[at]).toBeCloseTo(value, 3);
      },
    );
    await fc.assert(property, { numRuns: 15 });
  });

  it('end at the layer that the job names', async () => {
    const form = { side: 16, channels: 3, filters: 4 };
    const path = await writeNetwork(join(root, 'cut.onnx'), form);
    const model = { import: path, features: 4, image_size: 16 };
    const whole = await openBackbone(specOf(model));
    const cut = await openBackbone(specOf({ ...model, frozen_to: 'n_Relu1', pooling: 'average' }));
    const convolution = await openBackbone(specOf({ ...model, frozen_to: 'n_Conv0', pooling: 'max' }));
    const picture = pictureOf(16, 1, 3);
    const [all, maps] = [await whole.features(picture), await cut.features(picture)];
    for (const [at, value] of all.entries()) expect(maps[at]).toBeCloseTo(value, 5);
    expect([whole.poolsMaps, cut.poolsMaps]).toEqual([false, true]);
    expect(await convolution.features(picture)).not.toEqual(all);
  });

  it.each(['graph', 'layer'] as const)(
    'are refused where numbers of a %s lie in another file',
    async (of) => {
      const path = join(root, `external-${of}.onnx`);
      await writeFile(path, encodeModel('other.bin', of));
      await expect(
        openBackbone(specOf({ import: path, features: 16, image_size: 16 })),
      ).rejects.toMatchObject({
        code: 'NF_BACKBONE_FILE',
        message: expect.stringMatching(/lie in another file \(external data\)/),
      });
    },
  );

  it.each([
    ['with the means of its maps', { maps: false }],
    ['with maps', { maps: true }],
  ])('is exported with its head as one file that gives the same: %s', async (_, kind) => {
    const path = await writeNetwork(join(root, `${count++}.onnx`), {
      side: 16,
      channels: 3,
      filters: 5,
      ...kind,
    });
    const spec = specOf({
      import: path,
      features: 5,
      image_size: 16,
      hidden: [4],
      input_std: 0.5,
      input_mean: 0.1,
    });
    const params = initialParams(spec, 7);
    const network = await openNetwork(await makeEngine('cpu', 'test'), spec, { batchSize: 2 });
    network.load(params);
    const graph = await openFrozenGraph(await wholeNetwork(spec, params), {
      input: 'image',
      output: 'logits',
    });
    const picture = pictureOf(16, 1, 5);
    const own = await network.predictPictures({ x: picture, y: new Float32Array(3), size: 1, owners: [0] });
    const { data, shape } = await graph.run(picture, [1, 16, 16, 1]);
    expect(shape).toEqual([1, 3]);
    for (const [at, value] of own.entries()) expect(data[at]).toBeCloseTo(value, 5);
    graph.release();
    network.dispose();
  });
});

/** Weights of the architecture in PyTorch's names, as small random numbers. */
function torchWeights(): ParamSet {
  const random = createRandom('torch');
  const given: Record<string, ParamSet[string]> = {};
  const add = (name: string, shape: readonly number[], draw: () => number) => {
    const length = shape.reduce((product, size) => product * size, 1);
    given[name] = { dtype: 'float32', shape, data: Float32Array.from({ length }, draw) };
  };
  const layer = (conv: string, norm: string, shape: readonly number[]) => {
    const fan = shape.slice(1).reduce((product, size) => product * size, 1);
    add(`${conv}.weight`, shape, () => random.normal() / Math.sqrt(fan));
    add(`${norm}.weight`, [shape[0] ?? 1], () => 0.5 + random.next());
    add(`${norm}.bias`, [shape[0] ?? 1], () => 0.3 * random.normal());
    add(`${norm}.running_mean`, [shape[0] ?? 1], () => 0.1 * random.normal());
    add(`${norm}.running_var`, [shape[0] ?? 1], () => 0.5 + random.next());
  };
  layer('_conv_stem', '_bn0', [32, 3, 3, 3]);
  let from = 32;
  let block = 0;
  for (const [repeats, size, expand, to] of [
    [1, 3, 1, 16],
    [2, 3, 6, 24],
    [2, 5, 6, 40],
    [3, 3, 6, 80],
    [3, 5, 6, 112],
    [4, 5, 6, 192],
    [1, 3, 6, 320],
  ] as const)
    for (let repeat = 0; repeat < repeats; repeat++) {
      const [name, wide] = [`_blocks.${block++}`, expand * from];
      if (expand > 1) layer(`${name}._expand_conv`, `${name}._bn0`, [wide, from, 1, 1]);
      layer(`${name}._depthwise_conv`, `${name}._bn1`, [wide, 1, size, size]);
      layer(`${name}._project_conv`, `${name}._bn2`, [to, wide, 1, 1]);
      from = to;
    }
  layer('_conv_head', '_bn1', [1280, 320, 1, 1]);
  return given;
}

describe('EfficientNet-Lite0 from a file of PyTorch', () => {
  const given = torchWeights();
  const path = join(root, 'lite0.safetensors');
  const model = { import: path, architecture: 'efficientnet-lite0', image_size: 32 };

  it('folds each normalisation into the convolution before it', () => {
    const { frozen = [] } = planBackbone(specOf(model));
    const folded = foldedParams(frozen, given, { path, channels: 3 });
    const at = (name: string, index: number) => Number(given[name]?.data[index]);
    const scale = (norm: string, channel: number) =>
      at(`${norm}.weight`, channel) / Math.sqrt(at(`${norm}.running_var`, channel) + 1e-3);
    const random = createRandom('places');
    for (let trial = 0; trial < 50; trial++) {
      const [out, into, row, column] = [random.int(32), random.int(3), random.int(3), random.int(3)];
      const stem = at('_conv_stem.weight', ((out * 3 + into) * 3 + row) * 3 + column) * scale('_bn0', out);
      expect(folded['stem/kernel']?.data[((row * 3 + column) * 3 + into) * 32 + out]).toBeCloseTo(stem, 5);
      const depthwise =
        at('_blocks.0._depthwise_conv.weight', (out * 3 + row) * 3 + column) * scale('_blocks.0._bn1', out);
      const name = 'blocks.0.depthwise/depthwise_kernel';
      expect(folded[name]?.data[(row * 3 + column) * 32 + out]).toBeCloseTo(depthwise, 5);
      const bias = at('_bn0.bias', out) - at('_bn0.running_mean', out) * scale('_bn0', out);
      expect(folded['stem/bias']?.data[out]).toBeCloseTo(bias, 5);
    }
  });

  it('gives the same wherever it is cut, and trains what comes after from the file', async () => {
    await writeFile(path, encodeSafetensors(given));
    const engine = await makeEngine('ort', 'test');
    const picture = pictureOf(32, 1, 1);
    const logits: Float32Array[] = [];
    for (const frozen_to of ['features', 'blocks.14']) {
      const spec = specOf({ ...model, frozen_to });
      const params = await backboneParams(spec, { path, seed: 2, rules: LOCAL_FILES });
      expect(Object.keys(params).some((name) => name.startsWith('blocks.15'))).toBe(
        frozen_to === 'blocks.14',
      );
      const network = await openNetwork(engine, spec, { batchSize: 1 });
      network.load(params);
      logits.push(
        await network.predictPictures({ x: picture, y: new Float32Array(3), size: 1, owners: [0] }),
      );
      network.dispose();
    }
    const [first = new Float32Array(), ...others] = logits;
    expect(first.some((value) => value !== 0)).toBe(true);
    for (const other of others)
      for (const [at, value] of first.entries()) expect(other[at]).toBeCloseTo(value, 4);
  });

  it('keeps the shape of what it is cut at', async () => {
    const spec = specOf({ ...model, frozen_to: 'blocks.10' });
    const backbone = await openBackbone(spec);
    expect(backbone.shape).toEqual([2, 2, 112]);
    expect(await featuresOfAll(backbone, pictureOf(32, 1, 2), 1)).toHaveLength(2 * 2 * 112);
  });

  it.each([
    [{ frozen_to: 'block.12' }, 'NF_BACKBONE_LAYER', /no layer 'block.12'.*Did you mean 'blocks.12'/],
    [{ input_channels: 1 }, 'NF_MODEL_INVALID', /input_channels is 1, and efficientnet-lite0 takes 3/],
    [{ architecture: 'efficientnet-lite9' }, 'NF_MODEL_INVALID', /architecture/],
    [{ features: 1280 }, 'NF_MODEL_INVALID', /follows from the architecture/],
  ])('%j is refused', async (wrong, code, message) => {
    const wanted = async () =>
      backboneParams(specOf({ ...model, ...wrong }), { path, seed: 0, rules: LOCAL_FILES });
    await expect(wanted()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    ['_blocks.3._bn1.weight', undefined, /no '_blocks.3._bn1.weight'/],
    [
      '_conv_head.weight',
      [640, 320, 1, 1],
      /'_conv_head.weight' is \[640,320,1,1\] instead of \[1280,320,1,1\]/,
    ],
  ])('a file whose %s does not fit is refused', async (name, shape, message) => {
    const { [name]: array, ...others } = given;
    const data = new Float32Array(shape?.reduce((product, size) => product * size, 1) ?? 0);
    const spoilt =
      array && shape ? { ...others, [name]: { dtype: 'float32' as const, shape, data } } : others;
    const file = join(root, 'spoilt.safetensors');
    await writeFile(file, encodeSafetensors(spoilt));
    const wanted = backboneParams(specOf(model), { path: file, seed: 0, rules: LOCAL_FILES });
    await expect(wanted).rejects.toMatchObject({
      code: 'NF_BACKBONE_FILE',
      message: expect.stringMatching(message),
    });
  });
});
