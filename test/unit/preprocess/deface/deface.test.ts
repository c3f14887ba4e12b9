import { describe, expect, it } from 'vitest';
import { defaceNiftis } from '../../../../src/preprocess/deface/deface-nifti.ts';
import type { FacePlane } from '../../../../src/preprocess/deface/face-planes.ts';
import { beyondPlanes, faceRegion } from '../../../../src/preprocess/deface/remove-face.ts';
import {
  type Affine,
  affineFromColumns,
  centredAffine,
  type Vector,
  worldOf,
} from '../../../../src/preprocess/nifti/affine.ts';
import { reorient } from '../../../../src/preprocess/nifti/orient.ts';
import { decodeNifti } from '../../../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../../../src/preprocess/nifti/write.ts';
import { u8At } from '../../../../src/runtime/base/at.ts';
import { createRandom } from '../../../../src/runtime/base/random.ts';
import { inHead, type MadeHead, madeHead, tissueAt, tissuesIn } from '../../../support/whole-head.ts';

const floats = ({ shape, affine, data }: MadeHead) => ({ shape, affine, data: Float32Array.from(data) });

/** The region of a head that must be found. */
function regionOf(head: MadeHead) {
  const region = faceRegion(floats(head));
  if (typeof region === 'string') throw new Error(region);
  return region;
}

/** Eyes, nose, mouth and chin from the front: voxels of the face that are left and have air before them. */
function facialSurface({ shape, affine }: MadeHead, mask: Uint8Array): number {
  const [nx, ny, nz] = shape;
  const tissue = (i: number, j: number, k: number) => tissueAt(inHead(worldOf(affine, [i, j, k])));
  let count = 0;
  for (let k = 0, at = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++, at++) {
        const [x, , z] = inHead(worldOf(affine, [i, j, k]));
        if (Math.abs(x) > 35 || z > -35 || tissue(i, j, k) !== 'face') continue;
        const isSkin = j + 1 === ny || tissue(i, j + 1, k) === 'air';
        if (isSkin && u8At(mask, at) === 0) count++;
      }
  return count;
}

describe('the face of a head', () => {
  it.each([
    ['cubes of 5 mm', madeHead()],
    ['slices of 8 mm', madeHead({ voxel: [4, 4, 8], shape: [48, 65, 28] })],
    ['fluid brighter than brain, as in T2w', madeHead({ factor: (tissue) => (tissue === 'skin' ? 0.5 : 1) })],
    ['skin that is suppressed', madeHead({ factor: (tissue) => (tissue === 'skin' ? 0.15 : 1) })],
    ['a small head', madeHead({ voxel: [4.3, 4.3, 4.3], affine: centredAffine([38, 52, 44], [5, 5, 5]) })],
  ])('is removed, and nothing of the brain: %s', (_, head) => {
    const { mask } = regionOf(head);
    const removed = tissuesIn(mask, head);
    expect(removed.brain).toBe(0);
    expect(removed.face).toBeGreaterThan(0);
    expect(facialSurface(head, new Uint8Array(mask.length))).toBeGreaterThan(20);
    expect(facialSurface(head, mask)).toBe(0);
  });

  it('is the same region of the world for every order of the axes', () => {
    const head = madeHead();
    const { mask } = regionOf(head);
    for (const codes of ['LPS', 'SAR']) {
      const turned = reorient({ ...head, data: head.data }, codes);
      const [x = 1, y = 1, z = 1] = turned.shape;
      const region = faceRegion({
        shape: [x, y, z],
        affine: turned.affine,
        data: Float32Array.from(turned.data),
      });
      if (typeof region === 'string') throw new Error(region);
      const back = reorient({ shape: [x, y, z], affine: turned.affine, data: region.mask }, 'RAS');
      expect(Buffer.from(back.data).equals(Buffer.from(mask))).toBe(true);
    }
  });

  it('is found in an oblique volume', () => {
    const [c, s] = [Math.cos(0.35), Math.sin(0.35)];
    const affine = affineFromColumns(
      [
        [5, 0, 0],
        [0, 5 * c, 5 * s],
        [0, -5 * s, 5 * c],
      ],
      [-95, -90, -150],
    );
    const head = madeHead({ shape: [38, 60, 56], affine });
    const { mask } = regionOf(head);
    expect(tissuesIn(mask, head)).toMatchObject({ brain: 0 });
    expect(facialSurface(head, mask)).toBe(0);
  });

  it('is named where it cannot be found', () => {
    const random = createRandom('no-head', 1);
    const shape = [30, 30, 30] as const;
    const of = (value: (at: number) => number, voxel = 5) =>
      faceRegion({
        shape,
        affine: centredAffine(shape, [voxel, voxel, voxel]),
        data: Float32Array.from({ length: 27_000 }, (_, at) => value(at)),
      });
    expect(of(() => 7)).toBe('blank');
    expect(of(() => random.next())).toBe('no_brain');
    expect(of((at) => (at % 30 < 15 ? 100 : 0))).toBe('no_brain');
    expect(of(() => random.next(), 20)).toBe('too_large');
    const whole = madeHead();
    const slab = madeHead({
      shape: [38, 52, 8],
      affine: whole.affine.map((row, axis) =>
        axis === 2 ? [row[0], row[1], row[2], row[3] + 140] : row,
      ) as unknown as Affine,
    });
    expect(['cut', 'no_brain']).toContain(faceRegion(floats(slab)));
  });
});

describe('the region beyond planes', () => {
  it('is that of the slow way, on random grids and planes', () => {
    const random = createRandom('planes', 3);
    const number = (most: number) => (2 * random.next() - 1) * most;
    for (let round = 0; round < 30; round++) {
      const shape = [1, 1, 1].map(() => 1 + Math.floor(6 * random.next())) as [number, number, number];
      const vector = (most: number): Vector => [number(most), number(most), number(most)];
      const affine = affineFromColumns([vector(5), vector(5), vector(5)], vector(20));
      const planes: FacePlane[] = Array.from({ length: 1 + Math.floor(4 * random.next()) }, () => ({
        forward: random.next(),
        downward: random.next(),
        limit: number(20),
      }));
      const expected: number[] = [];
      for (let k = 0; k < shape[2]; k++)
        for (let j = 0; j < shape[1]; j++)
          for (let i = 0; i < shape[0]; i++) {
            const [, y, z] = worldOf(affine, [i, j, k]);
            expected.push(
              planes.some(({ forward, downward, limit }) => forward * y - downward * z > limit) ? 1 : 0,
            );
          }
      expect([...beyondPlanes({ shape, affine }, planes)]).toEqual(expected);
    }
  });
});

/** A series of NIfTI: volumes of one head, each brighter than the one before. */
function seriesOf(head: MadeHead, volumes: number): Uint8Array {
  const one = head.data.length;
  const data = Int16Array.from(
    { length: one * volumes },
    (_, at) => (head.data[at % one] ?? 0) + Math.floor(at / one),
  );
  const [x, y, z] = head.shape;
  const bytes = encodeNifti({ shape: [x, y, z * volumes], data, affine: head.affine });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [at, size] of [4, x, y, z, volumes].entries()) view.setInt16(40 + 2 * at, size, true);
  return bytes;
}

describe('a NIfTI file', () => {
  it('keeps its header and all voxels but those of the face, in every volume of a series', async () => {
    const head = madeHead();
    const before = seriesOf(head, 3);
    const done = await defaceNiftis([{ name: 'a.nii', bytes: before.slice() }]);
    if (typeof done === 'string') throw new Error(done);
    const [{ bytes, mask, tissueMl, brainMl } = { bytes: before, mask: before, tissueMl: 0, brainMl: 0 }] =
      done;
    const { data: marks, shape } = await decodeNifti(mask, 'mask.nii');
    expect(shape).toEqual([...head.shape]);
    expect(bytes.subarray(0, 352)).toEqual(before.subarray(0, 352));
    const [old, now] = [await decodeNifti(before, 'a.nii'), await decodeNifti(bytes, 'a.nii')];
    const least = old.data.reduce((low, value) => Math.min(low, value));
    const wrong = now.data.findIndex(
      (value, at) => value !== (marks[at % marks.length] ? least : old.data[at]),
    );
    expect(wrong).toBe(-1);
    expect(tissueMl).toBeGreaterThan(100);
    expect(brainMl).toBeGreaterThan(1000);
    const again = await defaceNiftis([{ name: 'a.nii', bytes: before.slice() }]);
    expect(
      typeof again === 'string' ? again : Buffer.from(again[0]?.bytes ?? []).equals(Buffer.from(bytes)),
    ).toBe(true);
  });

  it('without a head takes the region of another on its grid, and is refused alone or where its header gives no directions', async () => {
    const head = madeHead();
    const random = createRandom('phase', 1);
    const phase = () => encodeNifti({ ...head, data: head.data.map(() => Math.floor(4096 * random.next())) });
    const both = await defaceNiftis([
      { name: 'phase.nii', bytes: phase() },
      { name: 'magnitude.nii', bytes: encodeNifti(head) },
    ]);
    if (typeof both === 'string') throw new Error(both);
    expect(both.map(({ mask }) => Buffer.from(mask).equals(Buffer.from(both[0]?.mask ?? [])))).toEqual([
      true,
      true,
    ]);
    expect(await defaceNiftis([{ name: 'phase.nii', bytes: phase() }])).toBe('no_brain');
    const bytes = encodeNifti(head);
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(252, 0, true);
    expect(await defaceNiftis([{ name: 'a.nii', bytes }])).toBe('no_directions');
  });
});
