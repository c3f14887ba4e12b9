import { describe, expect, it } from 'vitest';
import { faceRegion } from '../../../../src/preprocess/deface/remove-face.ts';
import { type Affine, affineFromColumns, type Vector } from '../../../../src/preprocess/nifti/affine.ts';

describe('a volume whose header says places that no head has', () => {
  const at = (voxel: Vector, origin: Vector): Affine =>
    affineFromColumns(
      [
        [voxel[0], 0, 0],
        [0, voxel[1], 0],
        [0, 0, voxel[2]],
      ],
      origin,
    );
  it.each([
    ['far away', at([1, 1, 1], [1e30, 1e30, 1e30]), [20, 20, 20]],
    ['far away, as far as rounding goes', at([1, 1, 1], [1e16, -1e16, 3e15]), [20, 20, 20]],
    ['slices of a hundredth of a millimetre', at([100, 100, 0.01], [0, 0, 0]), [2, 2, 30_000]],
    ['voxels next to nothing', at([1e-9, 1e-9, 1e-9], [0, 0, 0]), [20, 20, 20]],
  ] as const)('has no face that could be found: %s', (_, affine, shape) => {
    const data = new Float32Array(shape[0] * shape[1] * shape[2]);
    expect(faceRegion({ shape: [...shape], data, affine })).toBe('blank');
  });
});
