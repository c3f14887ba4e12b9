import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Affine, affineFromColumns, type Vector } from '../../src/preprocess/nifti/affine.ts';
import { orientationOf, reorient } from '../../src/preprocess/nifti/orient.ts';
import { uprightOf } from '../../src/preprocess/picture/axial-slices.ts';

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** Less than would make it hard to say which axis of the head one of the image is. */
const tilt = fc.double({ min: -0.3, max: 0.3, noNaN: true });
const image = fc.record({
  shape: fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 2, max: 5 }),
  ),
  turn: fc.constantFrom(...ORDERS),
  order: fc.constantFrom(...ORDERS),
  signs: fc.tuple(fc.constantFrom(-1, 1), fc.constantFrom(-1, 1), fc.constantFrom(-1, 1)),
  tilt: fc.tuple(tilt, tilt),
  voxel: fc.tuple(fc.constantFrom(0.5, 1, 4), fc.constantFrom(0.5, 1, 4), fc.constantFrom(0.5, 1, 4)),
});

/** Columns of a rotation by two small angles, about z and then about x. */
function rotated([a, b]: readonly [number, number]): [Vector, Vector, Vector] {
  const turn = ([x, y, z]: Vector): Vector => {
    const [p, q] = [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a)];
    return [p, q * Math.cos(b) - z * Math.sin(b), q * Math.sin(b) + z * Math.cos(b)];
  };
  return [turn([1, 0, 0]), turn([0, 1, 0]), turn([0, 0, 1])];
}

describe('an image that was turned upright', () => {
  it('is turned back by the axis codes that it had: each voxel and the affine are where they were', () => {
    fc.assert(
      fc.property(image, ({ shape: sides, turn, order, signs, tilt: angles, voxel }) => {
        const shape = turn.map((axis) => sides[axis]);
        const columns = rotated(angles);
        const own = ([0, 1, 2] as const).map((axis): Vector => {
          const scale = signs[axis] * voxel[axis];
          const [x, y, z] = columns[order[axis]];
          return [x * scale, y * scale, z * scale];
        }) as [Vector, Vector, Vector];
        const affine: Affine = affineFromColumns(own, [3, -5, 7]);
        const size = shape.reduce((product, side) => product * side, 1);
        const data = Float32Array.from({ length: size }, (_, at) => at);
        const upright = uprightOf({ shape, data, affine });
        const back = reorient(upright, orientationOf(affine));
        expect(back.shape).toEqual(shape);
        expect(back.data).toEqual(data);
        for (const [row, values] of affine.entries())
          for (const [at, value] of values.entries()) expect(back.affine[row]?.[at]).toBeCloseTo(value, 9);
      }),
    );
  });
});
