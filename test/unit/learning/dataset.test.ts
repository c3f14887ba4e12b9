import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readParticipants } from '../../../src/preprocess/bids/participants.ts';
import { affineFromColumns, centredAffine } from '../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../src/preprocess/nifti/write.ts';
import { setPictureBudget } from '../../../src/preprocess/picture/picture-cache.ts';
import { readPictures } from '../../../src/preprocess/picture/pictures.ts';
import { type SplitSite, splitDigest, writeSplit } from '../../../src/preprocess/split/manifest.ts';
import type { Batch } from '../../../src/runtime/learning/dataset/example-set.ts';
import type { ImageSet } from '../../../src/runtime/learning/dataset/image-set.ts';
import { openDataset } from '../../../src/runtime/learning/dataset/open-dataset.ts';
import {
  imagePath,
  spotSlice,
  subjectsOf,
  type TestImage,
  type TestSubject,
  writeTree,
} from './bids-tree.ts';

const CLASSES = ['bright', 'dark'];
const SUBJECTS = [
  ...subjectsOf(CLASSES, { count: 3, partition: 'train' }),
  ...subjectsOf(CLASSES, { count: 2, partition: 'validation', first: 100 }),
  ...subjectsOf(CLASSES, { count: 1, partition: 'test', first: 200 }),
];
const roots: string[] = [];

afterEach(async () => {
  setPictureBudget(2 ** 28);
  await Promise.all(roots.splice(0).map((root) => rm(root, { recursive: true })));
});

async function tree(
  subjects: readonly TestSubject[] = SUBJECTS,
  paint: (s: TestSubject) => TestImage = spotSlice,
) {
  const root = await writeTree(subjects, paint);
  roots.push(root);
  return { root, site: 'site-1' };
}

async function collect(set: ImageSet, seed?: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of set.batches({ batchSize: 4, ...(seed !== undefined && { seed }) }))
    batches.push(batch);
  return batches;
}

/** A head of 20 x 24 x 30 mm with a bright block at the patient's left, front, top; stored with the given axes. */
function headVolume(shape: [number, number, number]): TestImage {
  const [width, height, depth] = shape;
  const data = new Float32Array(width * height * depth);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inside = x > 5 && x < width - 6 && y > 3 && y < height - 4 && z > 4 && z < depth - 5;
        const marked = inside && x < width / 2 && y > height / 2 && z > depth / 2;
        data[(z * height + y) * width + x] = marked ? 900 : inside ? 400 + (x % 3) : 5;
      }
    }
  }
  return { shape, data };
}

describe('openDataset on slices', () => {
  it('gives one picture a subject, by part, with classes sorted', async () => {
    const data = await openDataset(await tree(), { imageSize: 16 });
    expect(data.classes).toEqual(CLASSES);
    expect([data.train.size, data.validation.size, data.test.size]).toEqual([6, 4, 2]);
    expect(data.train.counts).toEqual({ bright: 3, dark: 3 });
    expect(data.notes).toEqual([]);
  });

  it('sees that the table was changed, also where its size is the same', async () => {
    const source = await tree();
    const file = join(source.root, 'participants.tsv');
    expect((await openDataset(source, { imageSize: 16 })).train.counts).toEqual({ bright: 3, dark: 3 });
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('\ttrain', '\tother'));
    const changed = openDataset(source, { imageSize: 16 });
    await expect(changed).rejects.toMatchObject({ code: 'NF_DATA_PARTITION', place: { file } });
    await writeFile(file, text);
    expect((await openDataset(source, { imageSize: 16 })).train.counts).toEqual({ bright: 3, dark: 3 });
  });

  it('makes batches with a small last one', async () => {
    const { train } = await openDataset(await tree(), { imageSize: 16 });
    const batches = await collect(train);
    expect(batches.map(({ size }) => size)).toEqual([4, 2]);
    expect(batches[1]?.x.length).toBe(2 * 16 * 16);
    expect([...(batches[1]?.y ?? [])]).toEqual([1, 0, 0, 1]);
    expect(batches.flatMap(({ owners }) => owners)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('shuffles and augments by the seed, and shows every picture once', async () => {
    const { train } = await openDataset(await tree(), { imageSize: 16 });
    const [first, again, other] = [await collect(train, 3), await collect(train, 3), await collect(train, 4)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(first.flatMap(({ owners }) => owners).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('shows rare classes as often as common ones where it is asked to, each time changed anew', async () => {
    const some = [
      ...subjectsOf(CLASSES, { count: 1, partition: 'train' }),
      ...subjectsOf(['dark'], { count: 6, partition: 'train', first: 300 }),
    ];
    const { train } = await openDataset(await tree(some), { imageSize: 16, sampling: 'class_balanced' });
    const batches = await collect(train, 3);
    expect(await collect(train, 3)).toEqual(batches);
    const shown = batches.flatMap(({ y, size }) => Array.from({ length: size }, (_, row) => y[row * 2]));
    expect(shown.filter((isBright) => isBright === 1)).toHaveLength(4);
    const pictures = batches.flatMap(({ x, y, size }) =>
      Array.from({ length: size }, (_, row) =>
        y[row * 2] === 1 ? x.slice(row * 256, (row + 1) * 256).join() : '',
      ),
    );
    expect(new Set(pictures.filter((text) => text !== '')).size).toBe(4);
    const inOrder = (await collect(train)).flatMap(({ owners }) => owners);
    expect(inOrder).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await expect(openDataset(await tree(), { sampling: 'balanced' })).rejects.toMatchObject({
      code: 'NF_TRAIN_OPTION',
      message: expect.stringMatching(/'sampling': "balanced" is not one of shuffled, class_balanced/),
    });
  });

  it('leaves pictures alone without augmentation', async () => {
    const { train } = await openDataset(await tree(), { imageSize: 16, augment: false });
    const plain = (await collect(train)).flatMap(({ x }) => [...x]);
    const shuffled = (await collect(train, 5)).flatMap(({ x }) => [...x]);
    expect(shuffled.sort()).toEqual(plain.sort());
  });

  it('standardises: a scanner with another gain and offset gives the same picture', async () => {
    const bright = (subject: TestSubject) => {
      const image = spotSlice(subject);
      return { ...image, data: image.data.map((value) => 7 * value + 300) };
    };
    const [one, two] = [await openDataset(await tree()), await openDataset(await tree(SUBJECTS, bright))];
    const [left, right] = [(await collect(one.train))[0]?.x, (await collect(two.train))[0]?.x];
    const difference = Math.max(...(left ?? []).map((value, at) => Math.abs(value - (right?.[at] ?? 99))));
    expect(difference).toBeLessThan(0.05);
  });

  it('notes a class that a part lacks, and an empty part', async () => {
    const some = SUBJECTS.filter(({ partition, diagnosis }) => partition === 'train' || diagnosis === 'dark');
    const data = await openDataset(await tree(some));
    expect(data.notes).toEqual(['The validation part has no example of bright.']);
    const none = await openDataset(await tree(SUBJECTS.filter(({ partition }) => partition === 'train')));
    expect(none.validation.size).toBe(0);
    expect(none.notes).toEqual(['The validation part is empty.']);
  });

  it('takes the classes that participants.json declares, so that a site without one keeps the order', async () => {
    const source = await tree();
    const sidecar = { diagnosis: { Levels: { dark: 'a hole', clear: 'nothing', bright: 'a spot' } } };
    await writeFile(join(source.root, 'participants.json'), JSON.stringify(sidecar));
    expect((await openDataset(source)).classes).toEqual(['bright', 'clear', 'dark']);
    expect((await openDataset(source, { classes: ['dark', 'bright'] })).classes).toEqual(['dark', 'bright']);
    await writeFile(join(source.root, 'participants.json'), `\uFEFF${JSON.stringify(sidecar)}`);
    expect((await openDataset(source)).classes).toEqual(['bright', 'clear', 'dark']);
  });
});

describe('openDataset with a split', () => {
  async function withSplit(change: (sites: SplitSite[]) => SplitSite[] = (sites) => sites) {
    const { root } = await tree();
    const participants = await readParticipants(root);
    const classes = { train: {}, validation: {}, test: {} };
    const site = (name: string, ids: number[], checks: number[]): SplitSite => ({
      name,
      train: ids.map((id) => `sub-${id}`),
      validation: checks.map((id) => `sub-${id}`),
      test: [],
      classes,
    });
    const split = {
      version: 1 as const,
      kind: 'neuroflare-split' as const,
      seed: 0,
      rule: { strategy: 'iid' as const, validation: 0.2, test: 0 },
      dataset: { participants_sha256: participants.sha256, subjects: participants.rows.length },
      sites: change([site('site-1', [0, 1, 2], [100]), site('site-2', [5, 3], [101])]),
      groups: { count: 12, largest: 1 },
      set_aside: { duplicate: 0, label_conflict: 0 },
    };
    const path = join(root, 'split.json');
    await writeSplit(path, { ...split, sha256: splitDigest(split) });
    return { root, split: path };
  }

  it("reads the site's own part, by id", async () => {
    const source = await withSplit();
    const ids = async (site: string) => {
      const { train, validation } = await openDataset({ ...source, site });
      return [train, validation].map(({ subjects }) => subjects.map(({ id }) => id).join(' '));
    };
    expect(await ids('site-1')).toEqual(['sub-0 sub-1 sub-2', 'sub-100']);
    expect(await ids('site-2')).toEqual(['sub-3 sub-5', 'sub-101']);
  });

  it('names the sites of the split when another is asked for', async () => {
    await expect(openDataset({ ...(await withSplit()), site: 'site-3' })).rejects.toMatchObject({
      code: 'NF_DATA_SITE_UNKNOWN',
      hint: expect.stringMatching(/site-1, site-2/),
    });
  });

  it('refuses a subject on two sides', async () => {
    const source = await withSplit((sites) => sites.map((site) => ({ ...site, validation: ['sub-0'] })));
    await expect(openDataset({ ...source, site: 'site-2' })).rejects.toMatchObject({
      code: 'NF_SPLIT_PARTICIPANT_TWICE',
    });
  });
});

describe('openDataset on volumes', () => {
  const subjects = subjectsOf(['a', 'b'], { count: 1, partition: 'train' });

  it('gives one picture of all slices, side by side', async () => {
    const source = await tree(subjects, () => headVolume([32, 32, 40]));
    const { train } = await openDataset(source, { imageSize: 48 });
    expect(train.size).toBe(2);
    const slices = await openDataset(source, { imageSize: 16, layout: 'separate' });
    const apart = (await collect(slices.train)).flatMap(({ x }) => [...x]);
    const [together] = await collect(train);
    const grey = (x: ArrayLike<number> | undefined, at: number) => Number(x?.[at]) - Number(x?.[0]);
    for (const [tile, row, column] of [
      [0, 0, 0],
      [1, 0, 16],
      [5, 16, 32],
      [8, 32, 32],
    ] as const) {
      const [left, right] = [
        grey(apart, tile * 256 + 8 * 16 + 8),
        grey(together?.x, (row + 8) * 48 + column + 8),
      ];
      expect(Math.sign(left)).toBe(Math.sign(right));
    }
  });

  it('gives axial slices through the head, and counts them', async () => {
    const source = await tree(subjects, () => headVolume([32, 32, 40]));
    const { train } = await openDataset(source, { imageSize: 32, slices: 5, layout: 'separate' });
    expect([train.size, train.subjects.length]).toEqual([10, 2]);
  });

  it('gives no more slices than there are planes', async () => {
    const source = await tree(subjects, () => headVolume([32, 32, 12]));
    expect((await openDataset(source, { slices: 9, layout: 'separate' })).train.size).toBe(2 * 2);
  });

  it('turns every orientation to anterior on top, left on the left', async () => {
    const source = await tree(subjects, () => headVolume([32, 36, 40]));
    const straight = await readPictures(imagePath(source.root, '0'), {
      imageSize: 32,
      slices: 4,
      layout: 'separate',
    });
    const top = straight[3] ?? new Uint8Array();
    expect(top[8 * 32 + 8]).toBeGreaterThan(200);
    expect(top[8 * 32 + 24]).toBeLessThan(150);
    expect(top[24 * 32 + 8]).toBeLessThan(150);
    const turned = imagePath(source.root, '1');
    await writeFile(turned, encodeNifti(storedAsPls(headVolume([32, 36, 40]))));
    expect(await readPictures(turned, { imageSize: 32, slices: 4, layout: 'separate' })).toEqual(straight);
  });

  it('keeps proportions in millimetres', async () => {
    const source = await tree(subjects, () => headVolume([32, 32, 16]));
    const path = imagePath(source.root, '0');
    const options = { imageSize: 32, slices: 1, layout: 'separate' } as const;
    const width = (picture: Uint8Array = new Uint8Array()) =>
      picture.subarray(16 * 32, 17 * 32).filter((grey) => grey > 60).length;
    const square = width((await readPictures(path, options))[0]);
    const image = headVolume([32, 32, 16]);
    await writeFile(path, encodeNifti({ ...image, affine: centredAffine(image.shape, [0.5, 1, 1]) }));
    await utimes(path, 1, 1);
    expect(width((await readPictures(path, options))[0]) / square).toBeCloseTo(0.45, 1);
  });
});

/** The same head with its first index growing to posterior, the second to left, the third to superior. */
function storedAsPls({ shape: [width, height, depth], data }: TestImage) {
  const turned = new Float32Array(data.length);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const to = (z * width + (width - 1 - x)) * height + (height - 1 - y);
        turned[to] = data[(z * height + y) * width + x] ?? 0;
      }
    }
  }
  const affine = affineFromColumns(
    [
      [0, -1, 0],
      [-1, 0, 0],
      [0, 0, 1],
    ],
    [10, 10, -10],
  );
  return { shape: [height, width, depth] as const, data: turned, affine };
}

describe('the picture cache', () => {
  it('reads a file again when it changed, and never holds more than its budget', async () => {
    const source = await tree();
    const path = imagePath(source.root, '0');
    const options = { imageSize: 16, slices: 1, layout: 'separate' } as const;
    const before = await readPictures(path, options);
    expect(await readPictures(path, options)).toBe(before);
    await utimes(path, 1, 1);
    expect(await readPictures(path, options)).not.toBe(before);
    setPictureBudget(0);
    const read = await readPictures(path, options);
    expect(await readPictures(path, options)).toEqual(read);
    expect(await readPictures(path, options)).not.toBe(read);
  });

  it('still gives every batch when nothing fits', async () => {
    const { train } = await openDataset(await tree());
    const kept = await collect(train, 1);
    setPictureBudget(0);
    expect(await collect(train, 1)).toEqual(kept);
  });
});

describe('bad data', () => {
  it.each<[string, string, (root: string) => Promise<void>]>([
    [
      'one group in two parts',
      'NF_SPLIT_GROUP_CROSSES',
      (root) =>
        table(
          root,
          'participant_id\tdiagnosis\tgroup_id\tpartition\n' +
            'sub-0\tdark\tgroup-1\ttrain\nsub-1\tdark\tgroup-1\ttest\n',
        ),
    ],
    ['no partition', 'NF_DATA_NOT_SPLIT', (root) => table(root, 'participant_id\tdiagnosis\nsub-0\tdark\n')],
    [
      'no diagnosis column',
      'NF_DATA_COLUMN',
      (root) => table(root, 'participant_id\tpartition\nsub-0\ttrain\n'),
    ],
    ['no diagnosis', 'NF_DATA_LABEL_MISSING', (root) => table(root, `${HEADER}sub-0\tn/a\ttrain\n`)],
    ['a wrong part', 'NF_DATA_PARTITION', (root) => table(root, `${HEADER}sub-0\tdark\ttrian\n`)],
    ['no training rows', 'NF_DATA_EMPTY', (root) => table(root, `${HEADER}sub-0\tdark\ttest\n`)],
    ['a broken sidecar', 'NF_DATA_SIDECAR', (root) => writeFile(join(root, 'participants.json'), '{')],
    ['no image', 'NF_BIDS_IMAGE_MISSING', (root) => rm(imagePath(root, '1'))],
    ['an empty file', 'NF_NIFTI_EMPTY', (root) => writeFile(imagePath(root, '1'), '')],
    ['a blank image', 'NF_DATA_IMAGE_BLANK', (root) => image(root, new Float32Array(64).fill(3))],
  ])('names %s', async (_, code, spoil) => {
    const source = await tree();
    await spoil(source.root);
    await expect(openDataset(source)).rejects.toMatchObject({ code });
  });

  it('names a label that is not a class, with its line and the nearest', async () => {
    const source = await tree();
    await table(source.root, `${HEADER}sub-0\tdark\ttrain\nsub-1\tbrigt\ttrain\n`);
    await expect(openDataset(source, { classes: CLASSES })).rejects.toMatchObject({
      code: 'NF_DATA_LABEL_UNKNOWN',
      message: expect.stringMatching(/sub-1 has the diagnosis 'brigt'.*Did you mean 'bright'\?/),
      place: { line: 3, key: 'diagnosis' },
    });
  });

  it('says how to split what is not split', async () => {
    const source = await tree();
    await table(source.root, 'participant_id\tdiagnosis\nsub-0\tdark\n');
    await expect(openDataset(source)).rejects.toMatchObject({
      hint: expect.stringMatching(/neuroflare preprocess split/),
    });
  });
});

const HEADER = 'participant_id\tdiagnosis\tpartition\n';

function table(root: string, text: string): Promise<void> {
  return writeFile(join(root, 'participants.tsv'), text);
}

function image(root: string, data: Float32Array): Promise<void> {
  return writeFile(
    imagePath(root, '1'),
    encodeNifti({ shape: [8, 8, 1], data, affine: centredAffine([8, 8, 1], [1, 1, 1]) }),
  );
}

describe('the mirror image of a batch', () => {
  const SIZE = 24;
  /** Of a picture, the squares side by side that `count` tiles lie in. */
  function tilesOf(picture: Float32Array, count: number): number[][] {
    const across = Math.ceil(Math.sqrt(count));
    const side = Math.floor(SIZE / across);
    return Array.from({ length: count }, (_, index) =>
      Array.from({ length: side * side }, (_, at) => {
        const row = Math.floor(index / across) * side + Math.floor(at / side);
        return picture[row * SIZE + (index % across) * side + (at % side)] ?? Number.NaN;
      }),
    );
  }
  const turned = (tile: readonly number[]) => {
    const side = Math.sqrt(tile.length);
    return tile.map((_, at) => tile[at - (at % side) + side - 1 - (at % side)]);
  };

  it.each([
    ['a slice', spotSlice, 1],
    ['a montage of a volume', () => headVolume([20, 24, 30]), 4],
  ])('of %s has left and right of every tile exchanged, and nothing else', async (_, paint, count) => {
    const { train } = await openDataset(await tree(SUBJECTS, paint), { imageSize: SIZE, slices: count });
    const [plain, mirrored] = [[], []] as [Batch[], Batch[]];
    for await (const batch of train.batches({ batchSize: 4 })) plain.push(batch);
    for await (const batch of train.batches({ batchSize: 4, mirror: true })) mirrored.push(batch);
    expect(plain.length).toBe(2);
    for (const [index, { x, size }] of plain.entries()) {
      for (let row = 0; row < size; row++) {
        const area = SIZE * SIZE;
        const [own, other] = [x, mirrored[index]?.x ?? new Float32Array()].map((pixels) =>
          tilesOf(pixels.subarray(row * area, (row + 1) * area), count),
        );
        expect(own?.some((tile) => turned(tile).join() !== tile.join())).toBe(true);
        for (const [at, tile] of (own ?? []).entries())
          for (const [pixel, value] of turned(tile).entries())
            expect(other?.[at]?.[pixel]).toBeCloseTo(value ?? 9, 4);
      }
    }
  });
});
