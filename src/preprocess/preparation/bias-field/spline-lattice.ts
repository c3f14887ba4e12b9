import { f32At, f64At, i32At, u8At } from '../../../runtime/base/at.ts';
import type { Vector } from '../../nifti/affine.ts';
import { cubicWeights } from '../cubic-weights.ts';

/** Control points of a cubic B-spline over a box, n x n x n, first axis fastest. */
export interface Lattice {
  readonly points: number;
  readonly values: Float64Array;
}

/** For each place on one axis: the first of four control points it depends on, and their weights. */
interface AxisWeights {
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

/** Places of a grid inside the lattice's box: along each axis from 0 (its begin) to 1 (its end). */
export type GridPlaces = readonly [Float64Array, Float64Array, Float64Array];

export function emptyLattice(points: number): Lattice {
  return { points, values: new Float64Array(points ** 3) };
}

/** `size` places from 0 to 1. */
export function evenPlaces(shape: Vector): GridPlaces {
  const axis = (size: number) =>
    Float64Array.from({ length: size }, (_, at) => (size === 1 ? 0 : at / (size - 1)));
  return [axis(shape[0]), axis(shape[1]), axis(shape[2])];
}

export function addLattice(lattice: Lattice, other: Lattice): Lattice {
  return { ...lattice, values: lattice.values.map((value, at) => value + f64At(other.values, at)) };
}

/** The same function with twice as many spans an axis: 4 control points become 5, then 7, then 11. */
export function refineLattice({ points, values }: Lattice): Lattice {
  const finer = 2 * (points - 3) + 3;
  let [from, sizes] = [values, [points, points, points]];
  for (const axis of [0, 1, 2]) {
    from = refineAxis(from, sizes, axis);
    sizes = sizes.map((size, at) => (at === axis ? finer : size));
  }
  return { points: finer, values: from };
}

/** Uniform cubic subdivision: (1 6 1)/8 at a control point, (1 1)/2 between two. */
function refineAxis(values: Float64Array, sizes: readonly number[], axis: number): Float64Array {
  const stride = sizes.slice(0, axis).reduce((product, size) => product * size, 1);
  const size = sizes[axis] ?? 1;
  const finer = 2 * (size - 3) + 3;
  const result = new Float64Array((values.length / size) * finer);
  for (let line = 0; line < values.length / size; line++) {
    const inner = line % stride;
    const outer = (line - inner) / stride;
    const at = (point: number) => f64At(values, outer * size * stride + point * stride + inner);
    for (let k = 0; k < finer; k++) {
      const m = k >> 1;
      result[outer * finer * stride + k * stride + inner] =
        k % 2 === 0 ? (at(m) + at(m + 1)) / 2 : (at(m) + 6 * at(m + 1) + at(m + 2)) / 8;
    }
  }
  return result;
}

/** Values of the spline at each place of a grid, first axis fastest. */
export function evaluateLattice({ points, values }: Lattice, places: GridPlaces): Float32Array {
  const [x, y, z] = places.map((axis) => weightsOf(axis, points)) as [AxisWeights, AxisWeights, AxisWeights];
  const [nx, ny, nz] = places.map((axis) => axis.length) as [number, number, number];
  const result = new Float32Array(nx * ny * nz);
  const plane = new Float64Array(points * points);
  const row = new Float64Array(points);
  for (let k = 0; k < nz; k++) {
    mix(values, plane, { axis: z, at: k });
    for (let j = 0; j < ny; j++) {
      mix(plane, row, { axis: y, at: j });
      const start = (k * ny + j) * nx;
      for (let i = 0; i < nx; i++) {
        const first = i32At(x.first, i);
        let sum = 0;
        for (let tap = 0; tap < 4; tap++) sum += f64At(x.weights, 4 * i + tap) * f64At(row, first + tap);
        result[start + i] = sum;
      }
    }
  }
  return result;
}

/** The weighted sum of four slabs of `from`, each as long as `to`. */
function mix(from: Float64Array, to: Float64Array, { axis, at }: { axis: AxisWeights; at: number }): void {
  to.fill(0);
  const first = i32At(axis.first, at);
  for (let tap = 0; tap < 4; tap++) {
    const weight = f64At(axis.weights, 4 * at + tap);
    const start = (first + tap) * to.length;
    for (let n = 0; n < to.length; n++) to[n] = f64At(to, n) + weight * f64At(from, start + n);
  }
}

/**
 * Fits lattices of one size to values inside one mask (Lee, Wolberg and Shin 1997, the BA algorithm: each control point is the mean of
 * what each voxel near it would ask for, weighed by the square of the basis function). On a grid the sums over voxels part into one sum
 * an axis.
 */
export class LatticeFit {
  readonly #mask: Uint8Array;
  readonly #axes: readonly [AxisWeights, AxisWeights, AxisWeights];
  readonly #points: number;
  readonly #weight: Float64Array;

  /** `mask` has one value a voxel, first axis fastest; those that are not 0 count. */
  constructor(mask: Uint8Array, places: GridPlaces, points: number) {
    this.#mask = mask;
    this.#points = points;
    this.#axes = places.map((axis) => weightsOf(axis, points)) as [AxisWeights, AxisWeights, AxisWeights];
    const ones = new Float32Array(mask.length).fill(1);
    this.#weight = this.#gather(ones, (weights) => weights.map((value) => value ** 2));
  }

  fit(residual: Float32Array): Lattice {
    const wanted = this.#gather(residual, shareOfCubes);
    return {
      points: this.#points,
      values: wanted.map((value, at) => {
        const weight = f64At(this.#weight, at);
        return weight === 0 ? 0 : value / weight;
      }),
    };
  }

  /** For each control point the sum over voxels of value times the product of one factor an axis. */
  #gather(values: Float32Array, factorsOf: (weights: Float64Array) => Float64Array): Float64Array {
    const points = this.#points;
    const [x, y, z] = this.#axes.map(({ first, weights }) => ({
      first,
      weights: eachPlace(weights, factorsOf),
    })) as [AxisWeights, AxisWeights, AxisWeights];
    const result = new Float64Array(points ** 3);
    const plane = new Float64Array(points ** 2);
    const row = new Float64Array(points);
    const nx = x.first.length;
    const ny = y.first.length;
    for (let k = 0; k < z.first.length; k++) {
      plane.fill(0);
      for (let j = 0; j < ny; j++) {
        this.#gatherRow(values, row, { axis: x, start: (k * ny + j) * nx });
        spread(row, plane, { axis: y, at: j });
      }
      spread(plane, result, { axis: z, at: k });
    }
    return result;
  }

  #gatherRow(values: Float32Array, row: Float64Array, { axis, start }: { axis: AxisWeights; start: number }) {
    row.fill(0);
    for (let i = 0; i < axis.first.length; i++) {
      if (u8At(this.#mask, start + i) === 0) continue;
      const value = f32At(values, start + i);
      const first = i32At(axis.first, i);
      for (let tap = 0; tap < 4; tap++)
        row[first + tap] = f64At(row, first + tap) + value * f64At(axis.weights, 4 * i + tap);
    }
  }
}

/** Adds `from`, weighted, to four slabs of `to`. */
function spread(from: Float64Array, to: Float64Array, { axis, at }: { axis: AxisWeights; at: number }): void {
  const first = i32At(axis.first, at);
  for (let tap = 0; tap < 4; tap++) {
    const weight = f64At(axis.weights, 4 * at + tap);
    const start = (first + tap) * from.length;
    for (let n = 0; n < from.length; n++) to[start + n] = f64At(to, start + n) + weight * f64At(from, n);
  }
}

function eachPlace(weights: Float64Array, factorsOf: (four: Float64Array) => Float64Array): Float64Array {
  const result = new Float64Array(weights.length);
  for (let at = 0; at < weights.length; at += 4) result.set(factorsOf(weights.subarray(at, at + 4)), at);
  return result;
}

/** w^3 over the sum of w^2. */
function shareOfCubes(weights: Float64Array): Float64Array {
  const squares = weights.reduce((sum, value) => sum + value ** 2, 0);
  return weights.map((value) => value ** 3 / squares);
}

function weightsOf(places: Float64Array, points: number): AxisWeights {
  const spans = points - 3;
  const first = new Int32Array(places.length);
  const weights = new Float64Array(4 * places.length);
  for (const [at, place] of places.entries()) {
    const along = Math.min(1, Math.max(0, place)) * spans;
    const span = Math.min(Math.floor(along), spans - 1);
    first[at] = span;
    weights.set(cubicWeights(along - span), 4 * at);
  }
  return { first, weights };
}
