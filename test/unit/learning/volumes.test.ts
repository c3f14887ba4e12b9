import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centredAffine, IDENTITY } from '../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../src/preprocess/nifti/write.ts';
import {
  type LabelledVolume,
  STEPS,
  setVolumeBudget,
} from '../../../src/preprocess/volume/labelled-volume.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';
import {
  type MaskSelection,
  maskSelectionSchema,
} from '../../../src/runtime/base/selection/learning-task.ts';
import type { Selection } from '../../../src/runtime/base/selection/selection.ts';
import type { Batch } from '../../../src/runtime/learning/dataset/example-set.ts';
import { openVolumes, type VolumesOptions } from '../../../src/runtime/learning/dataset/open-volumes.ts';
import { cornersOf, labelsOf, predictVoxels } from '../../../src/runtime/learning/dataset/sliding-window.ts';
import { cutPatch, drawCorner } from '../../../src/runtime/learning/dataset/volume-patch.ts';
import { buildModel } from '../../../src/runtime/learning/models/build.ts';
import { compile } from '../../../src/runtime/learning/trainer/compile.ts';
import { crossEntropy, OverlapSums, overlapOf } from '../../../src/runtime/learning/trainer/overlap.ts';
import {
  type LesionSubject,
  type LesionTree,
  type Shape,
  writeLesionTree,
} from '../../support/lesion-tree.ts';
import { makeFolder } from '../preprocess/image/made-pictures.ts';

const SHAPE: Shape = [18, 20, 16];
const MODEL = { type: 'unet', patch_size: 8, levels: 2, width: 8 };
const code = (name: string) => expect.objectContaining({ code: name });

/** `count` ill subjects for training, one well, and an ill one for validation. */
function cohort(count = 3): LesionSubject[] {
  const ill = Array.from({ length: count }, (_, at) => ({
    id: `sub-0${at + 1}`,
    partition: 'train',
    lesion: { at: [6 + at, 12 - at, 7] as const, radius: 3 },
  }));
  return [
    ...ill,
    { id: 'sub-08', partition: 'train' },
    { id: 'sub-09', partition: 'validation', lesion: { at: [9, 9, 8], radius: 3 } },
  ];
}

interface Wish {
  readonly subjects?: readonly LesionSubject[];
  readonly tree?: Partial<LesionTree>;
  readonly masks?: Partial<MaskSelection>;
  readonly selection?: Selection;
  readonly options?: Partial<VolumesOptions>;
  /** Changes the tree before it is opened. */
  readonly change?: (root: string) => Promise<void>;
}

async function opened({ subjects = cohort(), tree, masks = {}, selection, options, change }: Wish = {}) {
  const root = await writeLesionTree(await makeFolder(), subjects, { shape: SHAPE, ...tree });
  await change?.(root);
  const task = { kind: 'segmentation', masks: maskSelectionSchema.parse(masks) } as const;
  return openVolumes({ root, site: 'all', selection, task }, { model: MODEL, ...options });
}

const mask = (id: string) => `derivatives/lesions/${id}/anat/${id}_desc-lesion_mask.nii`;

async function batchesOf(
  set: { batches(of: { batchSize: number; seed?: number }): AsyncGenerator<Batch> },
  seed?: number,
) {
  const found: Batch[] = [];
  for await (const batch of set.batches({ batchSize: 3, ...(seed !== undefined && { seed }) }))
    found.push(batch);
  return found;
}

describe('openVolumes', () => {
  it('gives patches of volumes with one-hot masks, and says which masks are empty', async () => {
    const { train, validation, labels, notes } = await opened();
    expect(labels).toEqual(['lesion']);
    expect(train.size).toBe(4 * 4);
    expect(train.counts).toEqual({ lesion: 3, none: 1 });
    expect(validation.size).toBe(4);
    expect(notes).toEqual(['1 of 4 masks of the train part are empty.']);
    const [first] = await batchesOf(train, 1);
    expect(first?.x).toHaveLength(3 * 8 ** 3);
    expect(first?.y).toHaveLength(3 * 8 ** 3 * 2);
    for (let voxel = 0; voxel < 3 * 8 ** 3; voxel++)
      expect((first?.y[2 * voxel] ?? 0) + (first?.y[2 * voxel + 1] ?? 0)).toBe(1);
  });

  it('gives the same patches for the same seed whatever is kept in memory, and others for another', async () => {
    const { train } = await opened();
    const one = await batchesOf(train, 5);
    setVolumeBudget(0);
    const again = await batchesOf(train, 5);
    setVolumeBudget(2 ** 29);
    expect(again).toEqual(one);
    expect(await batchesOf(train, 6)).not.toEqual(one);
  });

  it('changes patches for training alone, as it is told, and the same for the same seed', async () => {
    const { train } = await opened({ options: { augment: 'strong' } });
    const plain = (await opened()).train;
    const changed = await batchesOf(train, 5);
    expect(await batchesOf(train, 5)).toEqual(changed);
    expect(changed).not.toEqual(await batchesOf(plain, 5));
    for (const { x, y } of changed) {
      expect(x.every(Number.isFinite)).toBe(true);
      for (let voxel = 0; voxel < y.length; voxel += 2) expect((y[voxel] ?? 0) + (y[voxel + 1] ?? 0)).toBe(1);
    }
    expect(await batchesOf(train)).toEqual(await batchesOf(plain));
    const nothing = { flip: false, rotate: 0, scale: 0, shift: 0, gamma: 0 };
    const still = (await opened({ options: { augment: nothing } })).train;
    expect(await batchesOf(still, 5)).toEqual(await batchesOf(plain, 5));
  });

  it('refuses changes that it does not know', async () => {
    const augment = { rotate: -1 };
    await expect(opened({ options: { augment } })).rejects.toThrow(code('NF_TRAIN_OPTION'));
  });

  it('sees a volume the same in whatever orientation its files are stored', async () => {
    const turned = cohort().map((subject) => ({ ...subject, orientation: 'PIL' }));
    const [upright, other] = [await opened(), await opened({ subjects: turned })];
    expect(await batchesOf(other.train, 2)).toEqual(await batchesOf(upright.train, 2));
  });

  it('draws as many patches around lesions as it is told', async () => {
    const subjects = cohort(1).filter(({ id }) => id !== 'sub-08');
    const shares = await Promise.all(
      [0, 1].map(async (foreground) => {
        const { train } = await opened({ subjects, options: { foreground, patchesPerVolume: 60 } });
        const batches = await batchesOf(train, 3);
        const with1 = batches.flatMap(({ y, size }) =>
          Array.from({ length: size }, (_, row) =>
            y.subarray(row * 1024, (row + 1) * 1024).some((value, at) => at % 2 === 1 && value === 1),
          ),
        );
        return with1.filter(Boolean).length / with1.length;
      }),
    );
    expect(shares[1]).toBe(1);
    expect(shares[0]).toBeLessThan(0.9);
  });

  it('joins labels that have several values, in the order of the model', async () => {
    const { train, labels } = await opened({
      tree: { value: 4 },
      masks: { labels: { other: [2], core: [1, 4] } },
      options: { model: { ...MODEL, labels: ['core', 'other'] } },
    });
    expect(labels).toEqual(['core', 'other']);
    expect(train.counts).toEqual({ core: 3, other: 0, none: 1 });
  });

  it('puts channels side by side', async () => {
    const selection = { channels: [{ suffix: 'T1w' }, { suffix: 'FLAIR' }] } as Selection;
    const tree = { suffixes: ['T1w', 'FLAIR'] };
    const both = await opened({ tree, selection, options: { model: { ...MODEL, channels: 2 } } });
    const alone = await opened({ tree, selection: { suffix: 'FLAIR' } });
    const [x, y] = [(await batchesOf(both.train, 4))[0]?.x, (await batchesOf(alone.train, 4))[0]?.x];
    expect(x?.filter((_, at) => at % 2 === 1)).toEqual(y);
  });

  it('takes slices as patches of two dimensions', async () => {
    const { train } = await opened({ options: { model: { ...MODEL, dimensions: 2, patch_size: [16, 8] } } });
    const [first] = await batchesOf(train, 1);
    expect(first?.x).toHaveLength(3 * 16 * 8);
    expect(() =>
      train.requireFit({ name: 'm', input: [8, 16, 1], output: [8, 16, 2], names: ['lesion'] }),
    ).not.toThrow();
  });
});

describe('bad masks and volumes', () => {
  const replace =
    (id: string, shape: Shape, value = 1) =>
    async (root: string) => {
      const data = new Uint8Array(shape[0] * shape[1] * shape[2]).fill(value, 0, 5);
      await writeFile(
        join(root, mask(id)),
        encodeNifti({ shape, data, affine: centredAffine(shape, [1, 1, 1]) }),
      );
    };

  it('of another shape are refused by name', async () => {
    const error = expect.objectContaining({
      code: 'NF_MASK_GRID',
      message: expect.stringMatching(
        /sub-02_desc-lesion_mask\.nii has another grid than sub-02_T1w\.nii.*18 x 20 x 15 voxels, not 18 x 20 x 16/,
      ),
    });
    await expect(opened({ change: replace('sub-02', [18, 20, 15]) })).rejects.toThrow(error);
  });

  it('with a value that is not declared are refused, with the value', async () => {
    const error = expect.objectContaining({
      code: 'NF_MASK_LABEL',
      message: expect.stringMatching(/sub-03_desc-lesion_mask\.nii has 5 voxels of 3/),
    });
    await expect(opened({ change: replace('sub-03', SHAPE, 3) })).rejects.toThrow(error);
  });

  it('that are all empty are refused', async () => {
    const subjects = cohort().map(({ lesion: _, ...subject }) => subject);
    await expect(opened({ subjects })).rejects.toThrow(
      expect.objectContaining({
        code: 'NF_MASK_NONE',
        message: expect.stringMatching(/none of its 4 training masks/),
      }),
    );
  });

  it('that are missing, or there twice, are named', async () => {
    await expect(opened({ change: (root) => rm(join(root, mask('sub-09'))) })).rejects.toThrow(
      expect.objectContaining({ code: 'NF_MASK_MISSING', message: expect.stringMatching(/sub-09/) }),
    );
    await expect(opened({ masks: { derivative: 'others' } })).rejects.toThrow(code('NF_MASK_MISSING'));
    const { train } = await opened({
      change: (root) => rm(join(root, mask('sub-01'))),
      masks: { missing: 'empty' },
    });
    expect(train.counts).toEqual({ lesion: 2, none: 2 });
    const again = async (root: string) => {
      await cp(join(root, 'derivatives/lesions'), join(root, 'derivatives/second'), { recursive: true });
    };
    await expect(opened({ change: again })).rejects.toThrow(code('NF_MASK_SEVERAL'));
    await expect(opened({ change: again, masks: { derivative: 'second' } })).resolves.toBeDefined();
  });

  it('a volume smaller than a patch is named, with both sizes', async () => {
    const model = { ...MODEL, patch_size: [16, 16, 20] };
    await expect(opened({ options: { model } })).rejects.toThrow(
      expect.objectContaining({
        code: 'NF_DATA_PATCH',
        message: expect.stringMatching(/a size of 18 x 20 x 16, which is less than a patch of 16 x 16 x 20/),
      }),
    );
  });

  it('a channel that is missing at the site is named, and one on another grid', async () => {
    const selection = { channels: [{ suffix: 'T1w' }, { suffix: 'FLAIR' }] } as Selection;
    const options = { model: { ...MODEL, channels: 2 } };
    await expect(opened({ selection, options })).rejects.toThrow(code('NF_SELECT_CHANNEL_NOBODY'));
    const tree = { suffixes: ['T1w', 'FLAIR'] };
    const without = (root: string) => rm(join(root, 'sub-02/anat/sub-02_FLAIR.nii'));
    await expect(opened({ tree, selection, options, change: without })).rejects.toThrow(
      code('NF_SELECT_CHANNEL_MISSING'),
    );
    await expect(opened({ tree, selection })).rejects.toThrow(code('NF_MODEL_CHANNELS'));
  });

  it.each([
    [{ patchesPerVolume: 0 }, 'NF_TRAIN_OPTION'],
    [{ overlap: 1 }, 'NF_TRAIN_OPTION'],
    [{ foreground: 1.5 }, 'NF_TRAIN_OPTION'],
    [{ model: { ...MODEL, labels: ['core'] } }, 'NF_MODEL_LABELS'],
    [{ model: { type: 'mri-cnn', image_size: 32, classes: ['a', 'b'] } }, 'NF_MODEL_TASK'],
  ])('options %j are refused', async (options, name) => {
    await expect(opened({ options })).rejects.toThrow(code(name));
  });
});

const side = fc.integer({ min: 3, max: 9 });
const made = fc.tuple(side, side, side).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    patch: fc.tuple(
      ...(shape.map((size) => fc.integer({ min: 1, max: size })) as [typeof side, typeof side, typeof side]),
    ),
    overlap: fc.constantFrom(0, 0.25, 0.5, 0.9),
    seed: fc.integer({ min: 0, max: 1000 }),
  }),
);

function volumeOf(shape: Shape, seed: number): LabelledVolume {
  const random = createRandom('volume', seed);
  const size = shape[0] * shape[1] * shape[2];
  const channel = () => Int16Array.from({ length: size }, () => random.int(2 * STEPS) - STEPS);
  const labels = Uint8Array.from({ length: size }, () => random.int(3));
  const places = [1, 2].map((label) =>
    Uint32Array.from([...labels.keys()].filter((at) => labels[at] === label)),
  );
  return { shape, affine: IDENTITY, channels: [channel(), channel()], labels, places };
}

describe('a sliding window', () => {
  it('gives each voxel what a network that looks at single voxels says of it', async () => {
    await fc.assert(
      fc.asyncProperty(made, async ({ shape, patch, overlap, seed }) => {
        const volume = volumeOf(shape, seed);
        const outputs = 3;
        // A function of the two channels of a voxel alone: where patches overlap they agree.
        const say = (a: number, b: number) => [a, b - a, a * b];
        const logits = await predictVoxels(volume, { patch, overlap, outputs, batchSize: 3 }, async (x) =>
          Float32Array.from({ length: (x.length / 2) * outputs }, (_, at) => {
            const voxel = Math.floor(at / outputs);
            return say(x[2 * voxel] ?? 0, x[2 * voxel + 1] ?? 0)[at % outputs] ?? 0;
          }),
        );
        const [one, other] = volume.channels.map((channel) => Array.from(channel, (value) => value / STEPS));
        const wanted = volume.labels.reduce<number[]>((all, _, at) => {
          all.push(...say(one?.[at] ?? 0, other?.[at] ?? 0));
          return all;
        }, []);
        for (const [at, value] of wanted.entries()) expect(logits[at]).toBeCloseTo(value, 4);
      }),
      { numRuns: 30 },
    );
  });

  it('shows every voxel, within the volume, and no more patches than needed', () => {
    fc.assert(
      fc.property(made, ({ shape, patch, overlap }) => {
        const corners = cornersOf(shape, { patch, overlap });
        const seen = new Set<string>();
        for (const corner of corners) {
          for (const axis of [0, 1, 2] as const) {
            expect(corner[axis]).toBeGreaterThanOrEqual(0);
            expect(corner[axis] + patch[axis]).toBeLessThanOrEqual(shape[axis]);
          }
          expect(seen.has(corner.join())).toBe(false);
          seen.add(corner.join());
        }
        for (const axis of [0, 1, 2] as const) {
          const covered = new Set(
            corners.flatMap((corner) => Array.from({ length: patch[axis] }, (_, at) => corner[axis] + at)),
          );
          expect(covered.size).toBe(shape[axis]);
        }
      }),
    );
  });

  it('cuts and draws patches that lie within the volume, around a label where it should', () => {
    fc.assert(
      fc.property(made, ({ shape, patch, seed }) => {
        const volume = volumeOf(shape, seed);
        const corner = drawCorner(volume, { patch, foreground: 1 }, createRandom('draw', seed));
        const { labels, channels } = cutPatch(volume, patch, corner);
        expect(labels.some((label) => label > 0)).toBe(volume.labels.some((label) => label > 0));
        for (let at = 0; at < labels.length; at++) {
          const [x, y, z] = [
            at % patch[0],
            Math.floor(at / patch[0]) % patch[1],
            Math.floor(at / (patch[0] * patch[1])),
          ];
          const from = ((corner[2] + z) * shape[1] + corner[1] + y) * shape[0] + corner[0] + x;
          expect(labels[at]).toBe(volume.labels[from]);
          expect(channels[1]?.[at]).toBe((volume.channels[1]?.[from] ?? 0) / STEPS);
        }
      }),
    );
  });
});

describe('figures of a segmentation', () => {
  it('are those of sets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), {
          minLength: 1,
          maxLength: 40,
        }),
        (pairs) => {
          const [guess, truth] = [0, 1].map((at) => Uint8Array.from(pairs, (pair) => pair[at] ?? 0)) as [
            Uint8Array,
            Uint8Array,
          ];
          const sums = new OverlapSums(['a', 'b']);
          sums.add(overlapOf(guess, truth, 2), 0.5);
          const { label_dice: dice, specificity, cases } = sums.describe();
          for (const [at, name] of ['a', 'b'].entries()) {
            const [own, found] = [truth, guess].map((all) =>
              pairs.flatMap((_, place) => (all[place] === at + 1 ? [place] : [])),
            );
            const both = own?.filter((place) => found?.includes(place)).length ?? 0;
            const wanted = own?.length ? (2 * both) / (own.length + (found?.length ?? 0)) : null;
            expect(dice[name]).toBe(wanted);
            expect(cases[`label_dice.${name}`]).toBe(wanted === null ? 0 : 1);
          }
          expect(specificity).toBe(truth.some(Boolean) ? null : guess.some(Boolean) ? 0 : 1);
        },
      ),
    );
  });

  it('of nothing are undefined, with reasons', () => {
    expect(new OverlapSums(['lesion']).describe()).toMatchObject({
      loss: null,
      dice: null,
      specificity: null,
      num_examples: 0,
      undefined_because: {
        loss: 'no volumes',
        dice: 'no volume with a label',
        'label_dice.lesion': 'no volume with lesion',
      },
    });
  });

  it('know the cross entropy of sure and unsure voxels', () => {
    const truth = Uint8Array.of(0, 1);
    expect(crossEntropy(Float32Array.of(0, 0, 0, 0), truth)).toBeCloseTo(Math.log(2), 6);
    expect(crossEntropy(Float32Array.of(80, 0, 0, 80), truth)).toBeCloseTo(0, 6);
    expect([...labelsOf(Float32Array.of(1, 0, 0, 2), 2)]).toEqual([0, 1]);
  });
});

describe('a trainer', () => {
  it.each([
    { dimensions: 3, patch_size: 8, patches: 4 },
    { dimensions: 2, patch_size: 16, patches: 16 },
  ])(
    'of $dimensions dimensions finds balls in heads that it has not seen, with the same bits each time',
    async ({ patches, ...shape }) => {
      const model = { ...MODEL, ...shape };
      const options = { model, batchSize: 4, foreground: 0.7, patchesPerVolume: patches };
      const { train, validation } = await opened({ options });
      const learn = async () => {
        const trainer = await compile(buildModel(model), { learningRate: 0.01 });
        const before = await trainer.evaluate(validation);
        await trainer.fit(train, { epochs: 6, seed: 1 });
        return { before, after: await trainer.evaluate(validation), params: trainer.getParams() };
      };
      const [one, again] = [await learn(), await learn()];
      expect(one.after.dice).toBeGreaterThan(0.8);
      expect(one.after.loss ?? 1).toBeLessThan(one.before.loss ?? 0);
      expect(again).toEqual(one);
    },
  );
});
