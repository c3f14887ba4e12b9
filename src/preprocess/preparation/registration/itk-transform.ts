import type { Affine } from '../../nifti/affine.ts';

/**
 * A motion as ITK, ANTs, SimpleITK and Slicer read it: a text file (.txt) of an affine transform from points of the template to points of the
 * image. Their world is left, posterior, superior; ours is right, anterior, superior.
 */
export function itkTransform(matrix: Affine): string {
  const sign = [-1, -1, 1] as const;
  const row = (axis: 0 | 1 | 2) => ([0, 1, 2] as const).map((to) => sign[axis] * sign[to] * matrix[axis][to]);
  const shift = ([0, 1, 2] as const).map((axis) => sign[axis] * matrix[axis][3]);
  const parameters = [...row(0), ...row(1), ...row(2), ...shift].map((value) => value + 0);
  return `#Insight Transform File V1.0
#Transform 0
Transform: AffineTransform_double_3_3
Parameters: ${parameters.join(' ')}
FixedParameters: 0 0 0
`;
}
