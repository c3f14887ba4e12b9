import { f64At } from '../../../runtime/base/at.ts';

/** Rotations and stretches are counted in mm at this distance from the centre, so that one unit of every parameter moves a head alike. */
export const RADIUS = 80;

/** Row by row of a 3 x 4 matrix: a place in mm from the centre of the template to one from the centre of the moving image. */
export type Motion = Float64Array;

/** How numbers that are searched become a motion. */
export interface Parameters {
  readonly count: number;
  motion(values: Float64Array): Motion;
  /** Derivative by the values, from that by the 12 numbers of the motion. */
  chain(values: Float64Array, gradient: Float64Array): Float64Array;
}

/** Three turns about x, y and z (z first on the right), then three shifts. */
export const RIGID: Parameters = {
  count: 6,
  motion: (values) => withShift(turns(values), values, 3),
  chain: (values, gradient) => {
    const result = new Float64Array(6);
    for (let turn = 0; turn < 3; turn++) {
      const slopes = turns(values, turn);
      let sum = 0;
      for (let at = 0; at < 9; at++)
        sum += f64At(slopes, at) * f64At(gradient, 4 * Math.floor(at / 3) + (at % 3));
      result[turn] = sum;
      result[3 + turn] = f64At(gradient, 4 * turn + 3);
    }
    return result;
  },
};

/** What the 3 x 3 part has more than the identity, and three shifts. */
export const AFFINE: Parameters = {
  count: 12,
  motion: (values) => {
    const matrix = Float64Array.from(
      { length: 9 },
      (_, at) => (at % 4 === 0 ? 1 : 0) + f64At(values, at) / RADIUS,
    );
    return withShift(matrix, values, 9);
  },
  chain: (_, gradient) => {
    const result = new Float64Array(12);
    for (let at = 0; at < 9; at++) result[at] = f64At(gradient, 4 * Math.floor(at / 3) + (at % 3)) / RADIUS;
    for (let axis = 0; axis < 3; axis++) result[9 + axis] = f64At(gradient, 4 * axis + 3);
    return result;
  },
};

/** The same motion by the 12 parameters of `AFFINE`. */
export function affineValues(motion: Motion): Float64Array {
  return Float64Array.from({ length: 12 }, (_, at) => {
    if (at >= 9) return f64At(motion, 4 * (at - 9) + 3);
    return (f64At(motion, 4 * Math.floor(at / 3) + (at % 3)) - (at % 4 === 0 ? 1 : 0)) * RADIUS;
  });
}

function withShift(matrix: Float64Array, values: Float64Array, first: number): Motion {
  return Float64Array.from({ length: 12 }, (_, at) =>
    at % 4 === 3 ? f64At(values, first + (at - 3) / 4) : f64At(matrix, 3 * Math.floor(at / 4) + (at % 4)),
  );
}

/** Rx Ry Rz, or its derivative by one of the three. */
function turns(values: Float64Array, derivative?: number): Float64Array {
  const [x, y, z] = [0, 1, 2].map((axis) => turn(axis, f64At(values, axis) / RADIUS, axis === derivative));
  return product(product(x, y), z);
}

function turn(axis: number, angle: number, isDerivative: boolean): Float64Array {
  const [next, last] = [(axis + 1) % 3, (axis + 2) % 3];
  const [cos, sin] = isDerivative
    ? [-Math.sin(angle) / RADIUS, Math.cos(angle) / RADIUS]
    : [Math.cos(angle), Math.sin(angle)];
  const matrix = new Float64Array(9);
  matrix[4 * axis] = isDerivative ? 0 : 1;
  matrix[4 * next] = cos;
  matrix[4 * last] = cos;
  matrix[3 * next + last] = -sin;
  matrix[3 * last + next] = sin;
  return matrix;
}

function product(
  one: Float64Array = new Float64Array(9),
  other: Float64Array = new Float64Array(9),
): Float64Array {
  return Float64Array.from({ length: 9 }, (_, at) => {
    const [row, column] = [Math.floor(at / 3), at % 3];
    let sum = 0;
    for (let n = 0; n < 3; n++) sum += f64At(one, 3 * row + n) * f64At(other, 3 * n + column);
    return sum;
  });
}
