/** One row of an affine: world millimetres from voxel indices. */
export type Row = readonly [number, number, number, number];

/** Voxel indices (i, j, k, 1) to world millimetres (x right, y anterior, z superior, 1); the last row is 0 0 0 1. */
export type Affine = readonly [Row, Row, Row, Row];

export type Vector = readonly [number, number, number];

export const AXES = [0, 1, 2] as const;
export type Axis = (typeof AXES)[number];

const LAST_ROW: Row = [0, 0, 0, 1];

/** Every place stays where it is. */
export const IDENTITY: Affine = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], LAST_ROW];

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

/** Of the 3 x 3 part; negative for a left-handed (radiological) image. */
export function determinant(affine: Affine): number {
  const [a, b, c] = [column(affine, 0), column(affine, 1), column(affine, 2)];
  return (
    a[0] * (b[1] * c[2] - b[2] * c[1]) -
    b[0] * (a[1] * c[2] - a[2] * c[1]) +
    c[0] * (a[1] * b[2] - a[2] * b[1])
  );
}

/** Voxel indices from world millimetres. The affine of an image has one: no voxel is flat. */
export function inverseOf(affine: Affine): Affine {
  const [a, b, c] = [column(affine, 0), column(affine, 1), column(affine, 2)];
  const volume = determinant(affine);
  const over = (one: Vector, other: Vector): Vector => [
    (one[1] * other[2] - one[2] * other[1]) / volume,
    (one[2] * other[0] - one[0] * other[2]) / volume,
    (one[0] * other[1] - one[1] * other[0]) / volume,
  ];
  const rows = [over(b, c), over(c, a), over(a, b)] as const;
  const [x, y, z] = column(affine, 3);
  const row = ([i, j, k]: Vector): Row => [i, j, k, -(i * x + j * y + k * z)];
  return [row(rows[0]), row(rows[1]), row(rows[2]), LAST_ROW];
}

/** First the other, then the one. */
export function composed(one: Affine, other: Affine): Affine {
  const turned = ([x, y, z]: Vector): Vector => [
    one[0][0] * x + one[0][1] * y + one[0][2] * z,
    one[1][0] * x + one[1][1] * y + one[1][2] * z,
    one[2][0] * x + one[2][1] * y + one[2][2] * z,
  ];
  const [start, shift] = [turned(column(other, 3)), column(one, 3)];
  return affineFromColumns(
    [turned(column(other, 0)), turned(column(other, 1)), turned(column(other, 2))],
    [start[0] + shift[0], start[1] + shift[1], start[2] + shift[2]],
  );
}

/** World millimetres of a voxel; its indices may be fractional, or outside the image. */
export function worldOf(affine: Affine, [i, j, k]: Vector): Vector {
  const along = ([a, b, c, start]: Row) => start + a * i + b * j + c * k;
  return [along(affine[0]), along(affine[1]), along(affine[2])];
}

/** Edge lengths of a voxel in mm. */
export function voxelSize(affine: Affine): Vector {
  return [length(column(affine, 0)), length(column(affine, 1)), length(column(affine, 2))];
}

/** The same place in `by` times as many units of length. */
export function scaledAffine(affine: Affine, by: number): Affine {
  if (by === 1) return affine;
  const times = ([x, y, z]: Vector): Vector => [x * by, y * by, z * by];
  const columns = [times(column(affine, 0)), times(column(affine, 1)), times(column(affine, 2))] as const;
  return affineFromColumns(columns, times(column(affine, 3)));
}
