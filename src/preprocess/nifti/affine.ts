/** One row of an affine: world millimetres from voxel indices. */
export type Row = readonly [number, number, number, number];

/** Voxel indices (i, j, k, 1) to world millimetres (x right, y anterior, z superior, 1); the last row is 0 0 0 1. */
export type Affine = readonly [Row, Row, Row, Row];

export type Vector = readonly [number, number, number];

export const AXES = [0, 1, 2] as const;
export type Axis = (typeof AXES)[number];

const LAST_ROW: Row = [0, 0, 0, 1];

/** From the three columns of its 3 x 3 part and the world position of voxel (0, 0, 0). */
export function affineFromColumns(columns: readonly [Vector, Vector, Vector], origin: Vector): Affine {
  const row = (axis: Axis): Row => [columns[0][axis], columns[1][axis], columns[2][axis], origin[axis]];
  return [row(0), row(1), row(2), LAST_ROW];
}

/** Axis-parallel, with the centre of the image at the world's origin; `voxel` in mm. */
export function centredAffine(shape: Vector, voxel: Vector): Affine {
  const origin = (axis: Axis) => (-(shape[axis] - 1) * voxel[axis]) / 2;
  return affineFromColumns(
    [
      [voxel[0], 0, 0],
      [0, voxel[1], 0],
      [0, 0, voxel[2]],
    ],
    [origin(0), origin(1), origin(2)],
  );
}

export function column(affine: Affine, axis: Axis | 3): Vector {
  return [affine[0][axis], affine[1][axis], affine[2][axis]];
}

export function length(v: Vector): number {
  return Math.hypot(v[0], v[1], v[2]);
}

/** World millimetres of a voxel. */
export function apply(affine: Affine, [i, j, k]: Vector): Vector {
  const at = ([a, b, c, d]: Row) => a * i + b * j + c * k + d;
  return [at(affine[0]), at(affine[1]), at(affine[2])];
}

/** Of the 3 x 3 part; negative for a left-handed (radiological) image. */
export function determinant(affine: Affine): number {
  const [a, b, c] = [column(affine, 0), column(affine, 1), column(affine, 2)];
  return (
    a[0] * (b[1] * c[2] - b[2] * c[1]) -
    b[0] * (a[1] * c[2] - a[2] * c[1]) +
    c[0] * (a[1] * b[2] - a[2] * b[1])
  );
}

/** World millimetres of a voxel; its indices may be fractional, or outside the image. */
export function worldOf(affine: Affine, index: Vector): Vector {
  const along = (world: Axis) =>
    AXES.reduce((sum, axis) => sum + affine[world][axis] * index[axis], affine[world][3]);
  return [along(0), along(1), along(2)];
}

/** Edge lengths of a voxel in mm. */
export function voxelSize(affine: Affine): Vector {
  return [length(column(affine, 0)), length(column(affine, 1)), length(column(affine, 2))];
}
