import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPictures } from '../../../src/preprocess/picture/pictures.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import type { Batch } from '../../../src/runtime/learning/dataset/example-set.ts';
import { type ImageSet, standardize } from '../../../src/runtime/learning/dataset/image-set.ts';
import { type DatasetOptions, openDataset } from '../../../src/runtime/learning/dataset/open-dataset.ts';
import { makeEngine } from '../../../src/runtime/learning/engine/registry.ts';
import { createExplainer } from '../../../src/runtime/learning/explain/grad-cam.ts';
import { buildModel } from '../../../src/runtime/learning/models/build.ts';
import { compile } from '../../../src/runtime/learning/trainer/compile.ts';
import { imagePath, subjectsOf, type TestImage, type TestSubject, writeTree } from './bids-tree.ts';

const CLASSES = ['bright', 'dark'];
const SIDE = 16;
const SUBJECTS = [
  ...subjectsOf(CLASSES, { count: 4, partition: 'train' }),
  ...subjectsOf(CLASSES, { count: 3, partition: 'validation', first: 100 }),
];
const SHAPE = [24, 26, 22] as const;
let root = '';

/** A head with a ball somewhere in it, brighter or darker than the rest. */
function headWithBall({ id, diagnosis }: TestSubject): TestImage {
  const random = createRandom('ball', id);
  const centre = [9 + 6 * random.next(), 9 + 6 * random.next(), 8 + 6 * random.next()] as const;
  const [width, height, depth] = SHAPE;
  const data = new Float32Array(width * height * depth);
  for (let at = 0; at < data.length; at++) {
    const [x, y, z] = [at % width, Math.floor(at / width) % height, Math.floor(at / width / height)];
    if (Math.hypot((x - 11.5) / 10, (y - 12.5) / 11, (z - 10.5) / 10) > 1) continue;
    const isBall = Math.hypot(x - centre[0], y - centre[1], z - centre[2]) < 4.5;
    data[at] = 300 + 20 * random.next() + (isBall ? (diagnosis === 'bright' ? 250 : -180) : 0);
  }
  return { shape: SHAPE, data };
}

const open = (options: DatasetOptions = {}) =>
  openDataset({ root, site: 'site-1' }, { imageSize: SIDE, dimensions: 3, augment: false, ...options });

async function collect(set: ImageSet, seed?: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of set.batches({ batchSize: 4, ...(seed !== undefined && { seed }) }))
    batches.push(batch);
  return batches;
}

beforeAll(async () => {
  root = await writeTree(SUBJECTS, headWithBall);
});
afterAll(() => rm(root, { recursive: true }));

describe('a volume as a whole', () => {
  it('is a cube of axial planes from below to above, standardised as one', async () => {
    const { train } = await open();
    expect(train.size).toBe(8);
    const [batch] = await collect(train);
    const area = SIDE ** 3;
    expect(batch?.x).toHaveLength(4 * area);
    const form = {
      imageSize: SIDE,
      slices: SIDE,
      layout: 'separate',
      volume: undefined,
      nan: undefined,
    } as const;
    const planes = await readPictures(imagePath(root, '0'), { ...form, slices: 100 });
    // The head is cut to its wide part, whose planes are fewer than asked for here: none is joined with another.
    const expected = Array.from({ length: area }, (_, at) => {
      const z = ((Math.floor(at / SIDE / SIDE) + 0.5) * planes.length) / SIDE - 0.5;
      const [from, pixel] = [Math.min(Math.max(Math.floor(z), 0), planes.length - 1), at % (SIDE * SIDE)];
      const share = Math.min(Math.max(z - from, 0), 1);
      const [low, high] = [
        planes[from]?.[pixel] ?? 0,
        planes[from + 1]?.[pixel] ?? planes[from]?.[pixel] ?? 0,
      ];
      return Math.round(low + share * (high - low)) / 255;
    });
    const found = batch?.x.subarray(0, area) ?? [];
    const wanted = standardize(Float32Array.from(expected));
    // Planes are rounded to greys before they are mixed here, and after it there.
    for (const [at, value] of found.entries()) expect(Math.abs(value - (wanted[at] ?? 0))).toBeLessThan(0.05);
  });

  it('is moved as one, by its seed alone', async () => {
    const { train } = await open({ augment: { rotate: 30 } });
    const [once, again, other] = [await collect(train, 1), await collect(train, 1), await collect(train, 2)];
    expect(once[0]?.x).toEqual(again[0]?.x);
    expect(once[0]?.x).not.toEqual(other[0]?.x);
  });

  it('trains a network that sees where its ball is, on each engine', async () => {
    const { train, validation } = await open();
    const spec = { type: 'mri-resnet', dimensions: 3, image_size: SIDE, width: 8, classes: CLASSES } as const;
    const trainer = await compile(buildModel(spec), { optimizer: 'adamw' });
    await trainer.fit(train, { epochs: 12, learningRate: 0.01, seed: 3 });
    expect((await trainer.evaluate(validation)).balanced_accuracy).toBe(1);
    const params = trainer.getParams();
    const [batch] = await collect(validation);
    const x = batch?.x.subarray(0, 2 * SIDE ** 3) ?? new Float32Array();
    const maps = await Promise.all(
      (['ort', 'cpu'] as const).map(async (name) => {
        const explainer = await createExplainer(spec, params, await makeEngine(name, 'test'));
        const found = await explainer?.heat(x, [0, 1]);
        explainer?.dispose();
        return found;
      }),
    );
    const [ort, cpu] = maps;
    expect(ort?.planes).toBe(ort?.side);
    for (const [at, map] of (ort?.maps ?? []).entries()) {
      expect(map).toHaveLength((ort?.side ?? 0) ** 3);
      for (const [place, value] of map.entries()) expect(value).toBeCloseTo(cpu?.maps[at]?.[place] ?? -1, 3);
    }
  });

  it.each([
    [{ dimensions: 4 }, /dimensions/],
    [{ layout: 'montage' }, /layout/],
    [{ slices: 9 }, /slices/],
  ])('is not opened with %j', async (options, message) => {
    await expect(open(options)).rejects.toMatchObject({
      code: 'NF_TRAIN_OPTION',
      message: expect.stringMatching(message),
    });
  });

  it('does not fit a network of pictures, nor pictures one of volumes', async () => {
    const spec = { type: 'mri-cnn', image_size: SIDE, width: 8, classes: CLASSES };
    const [volumes, pictures] = [await open(), await open({ dimensions: 2 })];
    const code = expect.objectContaining({ code: 'NF_TRAIN_DIMENSIONS' });
    const flat = await compile(buildModel(spec), {});
    await expect(flat.evaluate(volumes.validation)).rejects.toEqual(code);
    const cubic = await compile(buildModel({ ...spec, dimensions: 3 }), {});
    await expect(cubic.evaluate(pictures.validation)).rejects.toEqual(code);
  });

  it('needs more than a slice', async () => {
    const slice = await writeTree(SUBJECTS, () => ({
      shape: [24, 24, 1],
      data: new Float32Array(576).fill(9, 100, 400),
    }));
    await expect(
      openDataset({ root: slice, site: 'a' }, { imageSize: SIDE, dimensions: 3 }),
    ).rejects.toMatchObject({
      code: 'NF_DATA_IMAGE_FLAT',
    });
    await rm(slice, { recursive: true });
  });
});
