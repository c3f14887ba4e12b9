import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { reorient } from '../../src/preprocess/nifti/orient.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { applyWindow, findWindow } from '../../src/preprocess/picture/intensity.ts';
import { readPictures } from '../../src/preprocess/picture/pictures.ts';
import { createRandom, type Random } from '../../src/runtime/base/random.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Shape = readonly [number, number, number];
type Kind = 'whole' | 'scaled' | 'shifted';

/** A head of bright and dark tissue in noisy air. */
function head(shape: Shape, kind: Kind, random: Random): Float32Array {
  const [width, height, depth] = shape;
  const data = new Float32Array(width * height * depth);
  const at = (index: number, size: number) => (2 * index + 1) / size - 1;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [a, b, c] = [at(x, width), at(y, height), at(z, depth)];
        const tissue = 90 + 60 * Math.cos(9 * b) * Math.cos(7 * c) + 40 * a;
        const grey = Math.round(
          (a / 0.85) ** 2 + (b / 0.7) ** 2 + (c / 0.7) ** 2 < 1 ? tissue : 12 * random.next(),
        );
        data[(z * height + y) * width + x] =
          kind === 'whole' ? grey : kind === 'scaled' ? 0.0137 * grey : 30_000 + 1.1 * grey;
      }
    }
  }
  return data;
}

/** Quantiles and threshold of all voxels, sorted by the platform, with nothing left out. */
function windowOfAll(data: Float32Array) {
  const sorted = data.toSorted();
  const quantile = (values: Float32Array, share: number) =>
    values[Math.round(share * (values.length - 1))] as number;
  const most = quantile(sorted, 0.999);
  const threshold = otsuOfAll(sorted.map((value) => Math.min(value, most)));
  const foreground = sorted.subarray(sorted.findIndex((value) => value > threshold));
  return { black: quantile(sorted, 0.02), white: quantile(foreground, 0.995), threshold };
}

function otsuOfAll(sorted: Float32Array): number {
  const total = sorted.reduce((sum, value) => sum + value, 0);
  let [best, threshold, below] = [-1, 0, 0];
  for (let at = 1; at < sorted.length; at++) {
    const [previous, own] = [sorted[at - 1] as number, sorted[at] as number];
    below += previous;
    if (own === previous) continue;
    const rest = sorted.length - at;
    const spread = at * rest * (below / at - (total - below) / rest) ** 2;
    if (spread > best) [best, threshold] = [spread, (own + previous) / 2];
  }
  return threshold;
}

const GREY_LEVEL = 1 / 255;
/** Products of these give rows, planes and columns that a step through the file could meet over and over. */
const side = fc.constantFrom(16, 24, 32, 48, 51, 64, 96, 128);

const root = tempFolder();

describe('the intensity window', () => {
  it('is that of all voxels within one grey level, whatever the shape and the numbers', () => {
    const kinds = fc.constantFrom<Kind>('whole', 'scaled', 'shifted');
    fc.assert(
      fc.property(fc.tuple(side, side, side), kinds, fc.nat(1000), (shape, kind, seed) => {
        const data = head(shape, kind, createRandom('head', seed));
        const [window, right] = [findWindow(data), windowOfAll(data)];
        if (!window) throw new Error('no window');
        for (const value of [right.black, (right.black + right.white) / 2, right.white])
          expect(Math.abs(applyWindow(value, window) - applyWindow(value, right))).toBeLessThan(GREY_LEVEL);
        expect(Math.abs(window.threshold - right.threshold)).toBeLessThan(
          GREY_LEVEL * (right.white - right.black),
        );
      }),
      {
        seed: 20,
        numRuns: 25,
        examples: [
          [[24, 128, 128], 'whole', 1],
          [[16, 64, 64], 'scaled', 1],
          [[64, 128, 64], 'shifted', 1],
        ],
      },
    );
  });

  it.each(['whole', 'scaled'] as const)(
    'makes the same picture of one head in all 48 storage orders (%s)',
    async (kind) => {
      const shape = [48, 64, 40] as const;
      const data = head(shape, kind, createRandom('head', 7));
      const volume = { shape, data, affine: centredAffine(shape, [1, 1, 1.2]) };
      const pictures: string[] = [];
      for (const order of storageOrders()) {
        const path = join(root, `${kind}-${order}.nii`);
        const stored = reorient(volume, order);
        const [x = 1, y = 1, z = 1] = stored.shape;
        await writeFile(path, encodeNifti({ ...stored, shape: [x, y, z] }));
        const made = await readPictures(path, { imageSize: 48, slices: 4, layout: 'montage' });
        pictures.push(made.map((picture) => Buffer.from(picture).toString('hex')).join(' '));
      }
      expect(pictures).toHaveLength(48);
      expect(new Set(pictures).size).toBe(1);
    },
  );
});

/** Three axis codes for each order of the axes and each way along them. */
function storageOrders(): string[] {
  const pairs = ['RL', 'AP', 'SI'];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ];
  return orders.flatMap((order) =>
    Array.from({ length: 8 }, (_, turns) =>
      order.map((axis, at) => pairs[axis]?.[(turns >> at) & 1] ?? '').join(''),
    ),
  );
}
