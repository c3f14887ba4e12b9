import { f32At, f64At, i32At } from '../../../runtime/base/at.ts';
import type { Vector } from '../../nifti/affine.ts';
import { type Sharpening, sharpened } from './sharpen.ts';
import {
  addLattice,
  emptyLattice,
  evaluateLattice,
  evenPlaces,
  type GridPlaces,
  type Lattice,
  LatticeFit,
  refineLattice,
} from './spline-lattice.ts';

export interface BiasFieldOptions {
  /** Every so many voxels along each axis are looked at; the field is worked out for all. */
  readonly shrink: number;
  /** At most so many steps at each level; each level has twice the spans of the one before. */
  readonly iterations: readonly number[];
  /** Of the first level, along each axis: at least 4. */
  readonly controlPoints: number;
  /** A level ends when the field's ratio of standard deviation to mean changes by less in one step. */
  readonly convergence: number;
  readonly sharpening: Sharpening;
}

/** As ITK's filter has them, with its usual four levels. */
export const BIAS_FIELD_DEFAULTS: BiasFieldOptions = {
  shrink: 4,
  iterations: [50, 50, 50, 50],
  controlPoints: 4,
  convergence: 0.001,
  sharpening: { bins: 200, fwhm: 0.15, noise: 0.01 },
};

/** Voxels of one volume, first axis fastest. */
export interface Grid {
  readonly shape: Vector;
  readonly data: Float32Array;
}

/**
 * The smooth field that multiplies an MR image, by N4 (Tustison et al. 2010): the histogram of the logarithm is made sharp, what this
 * changes is fitted by a B-spline, and the image without it is looked at again, with finer splines at each level. Divide the image by
 * the field to correct it. Only voxels over 0 whose `mask` is not 0 are looked at; the field goes on smoothly outside.
 *
 * @returns one factor a voxel of the whole volume; 1 everywhere where no voxel may be looked at
 */
export function estimateBiasField(
  volume: Grid,
  mask: Uint8Array,
  options = BIAS_FIELD_DEFAULTS,
): Float32Array {
  const looked = shrink(volume, mask, options.shrink);
  if (looked.voxels.length === 0) return new Float32Array(volume.data.length).fill(1);
  const lattice = fitLevels(looked, options);
  return evaluateLattice(lattice, looked.whole).map((value) => Math.exp(value));
}

/** The voxels that are looked at, and where they lie. */
interface Looked {
  readonly shape: Vector;
  readonly mask: Uint8Array;
  /** Indices on the small grid. */
  readonly voxels: Int32Array;
  /** Logarithms, in the order of `voxels`. */
  readonly logs: Float64Array;
  /** Where the voxels of the whole volume lie in the box of the small grid. */
  readonly whole: GridPlaces;
}

function shrink({ shape, data }: Grid, mask: Uint8Array, factor: number): Looked {
  const axes = shape.map((size) => {
    const step = Math.min(factor, size);
    const count = Math.floor(size / step);
    return { size, step, count, offset: (size - (count - 1) * step) >> 1 };
  });
  const [x, y, z] = axes as [AxisStep, AxisStep, AxisStep];
  const small: Vector = [x.count, y.count, z.count];
  const kept = new Uint8Array(x.count * y.count * z.count);
  const voxels: number[] = [];
  const logs: number[] = [];
  for (let at = 0; at < kept.length; at++) {
    const i = at % x.count;
    const j = Math.floor(at / x.count) % y.count;
    const k = Math.floor(at / (x.count * y.count));
    const from = (placeOf(z, k) * y.size + placeOf(y, j)) * x.size + placeOf(x, i);
    const value = f32At(data, from);
    if (mask[from] === 0 || value <= 0) continue;
    kept[at] = 1;
    voxels.push(at);
    logs.push(Math.log(value));
  }
  const places = axes.map((axis) =>
    Float64Array.from({ length: axis.size }, (_, at) => (axis.size === 1 ? 0 : at / (axis.size - 1))),
  ) as unknown as GridPlaces;
  return {
    shape: small,
    mask: kept,
    voxels: Int32Array.from(voxels),
    logs: Float64Array.from(logs),
    whole: places,
  };
}

interface AxisStep {
  readonly size: number;
  readonly step: number;
  readonly count: number;
  readonly offset: number;
}

function placeOf({ offset, step }: AxisStep, at: number): number {
  return offset + at * step;
}

function fitLevels(looked: Looked, options: BiasFieldOptions): Lattice {
  const places = evenPlaces(looked.shape);
  let lattice = emptyLattice(options.controlPoints);
  for (const [level, iterations] of options.iterations.entries()) {
    if (level > 0) lattice = refineLattice(lattice);
    const fit = new LatticeFit(looked.mask, places, lattice.points);
    let field = fieldAt(looked, lattice, places);
    for (let step = 0; step < iterations; step++) {
      lattice = addLattice(lattice, fit.fit(residualOf(looked, field, options.sharpening)));
      const next = fieldAt(looked, lattice, places);
      const change = changeOf(field, next);
      field = next;
      if (change <= options.convergence) break;
    }
  }
  return lattice;
}

/** The logarithm of the field at the voxels that are looked at. */
function fieldAt({ voxels }: Looked, lattice: Lattice, places: GridPlaces): Float64Array {
  const all = evaluateLattice(lattice, places);
  return Float64Array.from(voxels, (voxel) => f32At(all, voxel));
}

/** What is left of the field: the corrected logarithm less its sharp one, on the small grid. */
function residualOf(
  { mask, voxels, logs }: Looked,
  field: Float64Array,
  sharpening: Sharpening,
): Float32Array {
  const corrected = logs.map((value, at) => value - f64At(field, at));
  const sharp = sharpened(corrected, sharpening);
  const residual = new Float32Array(mask.length);
  for (let at = 0; at < voxels.length; at++)
    residual[i32At(voxels, at)] = f64At(corrected, at) - f64At(sharp, at);
  return residual;
}

/** Coefficient of variation of the quotient of two fields, given by their logarithms. */
function changeOf(before: Float64Array, after: Float64Array): number {
  const quotients = before.map((value, at) => Math.exp(value - f64At(after, at)));
  const mean = quotients.reduce((sum, value) => sum + value, 0) / quotients.length;
  const squares = quotients.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return quotients.length < 2 ? 0 : Math.sqrt(squares / (quotients.length - 1)) / mean;
}
