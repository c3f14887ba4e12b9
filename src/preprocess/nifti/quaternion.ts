import { type Affine, affineFromColumns, column, determinant, type Vector, voxelSize } from './affine.ts';

/** The qform of a NIfTI-1 header (nifti1.h, "METHOD 2"); `a` follows from b, c, d. */
export interface QForm {
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** 1, or -1 for a left-handed image. */
  readonly qfac: 1 | -1;
  readonly pixdim: Vector;
  readonly offset: Vector;
}

/** Of b, c and d: over 1 no rotation has it. */
export function quaternionLength([b, c, d]: Vector): number {
  return Math.hypot(b, c, d);
}

/** A qform as an affine; a quaternion a little longer than 1 is taken as a half turn, as nifti1_io.c does. */
export function affineFromQForm(q: QForm): Affine {
  const rest = 1 - (q.b * q.b + q.c * q.c + q.d * q.d);
  const shrink = rest < 1e-7 ? 1 / Math.sqrt(q.b * q.b + q.c * q.c + q.d * q.d) : 1;
  const [a, b, c, d] = [rest < 1e-7 ? 0 : Math.sqrt(rest), q.b * shrink, q.c * shrink, q.d * shrink];
  const [x, y, z] = [q.pixdim[0], q.pixdim[1], q.pixdim[2] * q.qfac];
  return affineFromColumns(
    [
      [(a * a + b * b - c * c - d * d) * x, (2 * b * c + 2 * a * d) * x, (2 * b * d - 2 * a * c) * x],
      [(2 * b * c - 2 * a * d) * y, (a * a + c * c - b * b - d * d) * y, (2 * c * d + 2 * a * b) * y],
      [(2 * b * d + 2 * a * c) * z, (2 * c * d - 2 * a * b) * z, (a * a + d * d - b * b - c * c) * z],
    ],
    q.offset,
  );
}

/** The qform that says the same as `affine`, or nothing where no rotation does (sheared axes). */
export function qFormFromAffine(affine: Affine): QForm | undefined {
  const pixdim = voxelSize(affine);
  const qfac = determinant(affine) < 0 ? -1 : 1;
  const [x, y, z] = [
    unit(column(affine, 0), pixdim[0]),
    unit(column(affine, 1), pixdim[1]),
    unit(column(affine, 2), pixdim[2] * qfac),
  ];
  if (Math.max(Math.abs(dot(x, y)), Math.abs(dot(x, z)), Math.abs(dot(y, z))) > 1e-5) return undefined;
  const [a, b, c, d] = quaternion(x, y, z);
  const sign = a < 0 ? -1 : 1;
  return { b: b * sign, c: c * sign, d: d * sign, qfac, pixdim, offset: column(affine, 3) };
}

/** Of a rotation given by its columns; the biggest of the four parts is the divisor, as nifti_mat44_to_quatern does. */
function quaternion(x: Vector, y: Vector, z: Vector): [number, number, number, number] {
  const squares = [
    1 + x[0] + y[1] + z[2],
    1 + x[0] - y[1] - z[2],
    1 - x[0] + y[1] - z[2],
    1 - x[0] - y[1] + z[2],
  ];
  const biggest = squares.indexOf(Math.max(...squares));
  const half = 0.5 * Math.sqrt(Math.max(...squares));
  const part = (value: number) => (0.25 * value) / half;
  if (biggest === 0) return [half, part(y[2] - z[1]), part(z[0] - x[2]), part(x[1] - y[0])];
  if (biggest === 1) return [part(y[2] - z[1]), half, part(y[0] + x[1]), part(z[0] + x[2])];
  if (biggest === 2) return [part(z[0] - x[2]), part(y[0] + x[1]), half, part(z[1] + y[2])];
  return [part(x[1] - y[0]), part(z[0] + x[2]), part(z[1] + y[2]), half];
}

function unit(v: Vector, size: number): Vector {
  return [v[0] / size, v[1] / size, v[2] / size];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
