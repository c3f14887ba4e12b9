import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import type { ParamSet } from '../../../../src/runtime/base/tensors/nd-array.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../../src/runtime/base/tensors/safetensors.ts';
import { LOCAL_FILES } from '../../../../src/runtime/job/job-paths.ts';
import { tf, tfl } from '../../../../src/runtime/learning/engine/tfjs.ts';
import { exportModel } from '../../../../src/runtime/learning/export/export-model.ts';
import { importParams } from '../../../../src/runtime/learning/export/import-params.ts';
import { fromTorch, toTorch } from '../../../../src/runtime/learning/export/torch-order.ts';
import { buildModel, fillModel } from '../../../../src/runtime/learning/models/build.ts';
import { initialParams } from '../../../../src/runtime/learning/models/initial-params.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const SIZE = 32;
const CLASSES = ['glioma', 'healthy', 'other'];
const SPECS = ['mri-cnn', 'mri-resnet'].map((type) => ({
  type,
  image_size: SIZE,
  classes: CLASSES,
  width: 8,
}));

const folder = tempFolder();

/** Parameters that no layer can mistake for its first ones. */
function trained(spec: object): ParamSet {
  const random = createRandom('trained');
  return Object.fromEntries(
    Object.entries(initialParams(spec)).map(([name, array]) => [
      name,
      { ...array, data: Float32Array.from(array.data, (value) => Number(value) + 0.1 * random.normal()) },
    ]),
  );
}

function pictures(count: number): Float32Array {
  const random = createRandom('pictures');
  return new Float32Array(count * SIZE * SIZE).map(() => random.normal());
}

function expectedLogits(spec: object, count: number): Float32Array {
  const model = buildModel(spec);
  fillModel(model, trained(spec));
  const logits = tf.tidy(
    () => model.predict(tf.tensor(pictures(count), [count, SIZE, SIZE, 1])) as tf.Tensor,
  );
  const values = logits.dataSync() as Float32Array;
  logits.dispose();
  model.dispose();
  return values;
}

describe.each(SPECS)('an exported $type', (spec) => {
  const at = (name: string) => join(folder, `${spec.type}${name}`);
  const params = trained(spec);
  const write = (format: 'onnx' | 'tfjs' | 'safetensors', name: string) =>
    exportModel({ spec, params, format, out: at(name), force: false });

  it('runs as ONNX with any batch size', async () => {
    const { notes } = await write('onnx', '.onnx');
    expect(notes.join(' ')).toContain('Any batch size.');
    const session = await InferenceSession.create(await readFile(at('.onnx')));
    for (const count of [1, 2, 5]) {
      const image = new Tensor('float32', pictures(count), [count, SIZE, SIZE, 1]);
      const { logits, probabilities } = await session.run({ image });
      const expected = expectedLogits(spec, count);
      expect(logits?.dims).toEqual([count, CLASSES.length]);
      const values = logits?.data as Float32Array;
      for (const [index, value] of expected.entries()) expect(values[index]).toBeCloseTo(value, 3);
      const shares = probabilities?.data as Float32Array;
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(count, 4);
    }
    await session.release();
  });

  it('loads in TensorFlow.js', async () => {
    await write('tfjs', '-tfjs');
    const file = JSON.parse(await readFile(join(at('-tfjs'), 'model.json'), 'utf8'));
    const weights = await readFile(join(at('-tfjs'), 'weights.bin'));
    const model = await tfl.loadLayersModel({
      load: async () => ({
        modelTopology: file.modelTopology,
        weightSpecs: file.weightsManifest[0].weights,
        weightData: new Uint8Array(weights).buffer,
      }),
    });
    const logits = model.predict(tf.tensor(pictures(3), [3, SIZE, SIZE, 1])) as tf.Tensor;
    expect([...logits.dataSync()]).toEqual([...expectedLogits(spec, 3)]);
    model.dispose();
  });

  it('is the same parameters again when it is imported, in each format and from a run', async () => {
    await write('safetensors', '.safetensors');
    await writeFile(at('-run.safetensors'), encodeSafetensors(params));
    for (const name of ['.onnx', '-tfjs', '-tfjs/model.json', '.safetensors', '-run.safetensors']) {
      expect(await importParams(at(name), spec, LOCAL_FILES), name).toEqual(params);
    }
  });

  it("has PyTorch's names and axes as safetensors", async () => {
    const file = decodeSafetensors(await readFile(at('.safetensors')), 'file');
    const name = spec.type === 'mri-cnn' ? 'conv2.weight' : 'block2_conv1.weight';
    const own = params[name === 'conv2.weight' ? 'conv2/kernel' : 'block2_conv1/kernel'];
    const [height = 0, width = 0, inputs = 0, outputs = 0] = own?.shape ?? [];
    expect(file[name]?.shape).toEqual([outputs, inputs, height, width]);
    const index = ((5 * inputs + 3) * height + 2) * width + 1; // [5][3][2][1]
    expect(file[name]?.data[index]).toBe(own?.data[((2 * width + 1) * inputs + 3) * outputs + 5]);
  });

  it('does not write over what is there, unless it is told to', async () => {
    const request = { spec, params, format: 'onnx', out: at('.onnx') } as const;
    await expect(exportModel({ ...request, force: false })).rejects.toMatchObject({
      code: 'NF_EXPORT_EXISTS',
    });
    expect((await exportModel({ ...request, force: true })).files).toEqual([at('.onnx')]);
  });

  it('is refused where it does not fit', async () => {
    const other = { ...spec, classes: [...CLASSES, 'fourth'] };
    for (const name of ['.onnx', '-tfjs', '.safetensors', '-run.safetensors']) {
      await expect(importParams(at(name), other, LOCAL_FILES), name).rejects.toMatchObject({
        code: 'NF_IMPORT_FILE',
      });
    }
    await expect(importParams(at('.nowhere'), spec, LOCAL_FILES)).rejects.toMatchObject({
      code: 'NF_JOB_DATA',
    });
  });

  it.each(['.onnx', '/model.json'])('is refused where it is broken: %s', async (ending) => {
    const broken = at(`-broken${ending.replace('/', '-')}`);
    const bytes = await readFile(ending === '.onnx' ? at('.onnx') : join(at('-tfjs'), 'model.json'));
    await writeFile(broken, bytes.subarray(0, bytes.length - 100));
    await expect(importParams(broken, spec, LOCAL_FILES)).rejects.toMatchObject({ code: 'NF_IMPORT_FILE' });
    await writeFile(broken, 'no model');
    await expect(importParams(broken, spec, LOCAL_FILES)).rejects.toMatchObject({ code: 'NF_IMPORT_FILE' });
  });
});

describe("PyTorch's axis order", () => {
  const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });

  it('is taken back without loss', () => {
    fc.assert(
      fc.property(shape, (sizes) => {
        const length = sizes.reduce((product, size) => product * size, 1);
        const data = new Float32Array(length).map((_, index) => index);
        const params: ParamSet = { 'layer/kernel': { dtype: 'float32', shape: sizes, data } };
        expect(fromTorch(toTorch(params), params, 'file')).toEqual(params);
      }),
    );
  });

  it('turns a dense layer around', () => {
    const kernel = { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
    expect(toTorch({ 'logits/kernel': kernel })).toEqual({
      'logits.weight': { dtype: 'float32', shape: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) },
    });
  });
});
