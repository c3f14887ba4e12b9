import { f64At, i32At, u8At } from '../../runtime/base/at.ts';
import { AXES, type Vector } from '../nifti/affine.ts';

/**
 * Squared distance in mm from the middle of each voxel to that of the nearest voxel of a set, exact for voxels of any size (Felzenszwalb and
 * Huttenlocher, "Distance transforms of sampled functions", 2012); infinite where the set is empty.
 * @param set [voxels], the first axis fastest: 1 for the voxels of the set
 * @param grid.voxel size of a voxel in mm
 * @param grid.isEdgeIn whether what lies beyond the edge belongs to the set; a flat volume has no edge across its one plane
 */
export function squaredDistances(
  set: Uint8Array,
  {
    shape,
    voxel,
    isEdgeIn = false,
  }: { readonly shape: Vector; readonly voxel: Vector; readonly isEdgeIn?: boolean },
): Float64Array {
  const squares = new Float64Array(set.length);
  for (let at = 0; at < set.length; at++) squares[at] = u8At(set, at) === 1 ? 0 : Number.POSITIVE_INFINITY;
  const strides = [1, shape[0], shape[0] * shape[1]];
  for (const axis of AXES) {
    const size = shape[axis];
    const stride = strides[axis] ?? 1;
    const envelope = new Envelope(size, voxel[axis], isEdgeIn && size > 1);
    for (let start = 0; start < squares.length; start++) {
      if (Math.floor(start / stride) % size === 0) envelope.lower(squares, start, stride);
    }
  }
  return squares;
}

/** The least of the parabolas that stand over the places of a line. */
class Envelope {
  readonly #size: number;
  readonly #square: number;
  readonly #isEdgeIn: boolean;
  /** Places whose parabola is the least somewhere, their heights in steps, and from where on each is. */
  readonly #roots: Int32Array;
  readonly #heights: Float64Array;
  readonly #bounds: Float64Array;
  #count = 0;

  constructor(size: number, step: number, isEdgeIn: boolean) {
    this.#size = size;
    this.#square = step * step;
    this.#isEdgeIn = isEdgeIn;
    this.#roots = new Int32Array(size + 2);
    this.#heights = new Float64Array(size + 2);
    this.#bounds = new Float64Array(size + 3);
  }

  /** In place. */
  lower(squares: Float64Array, start: number, stride: number): void {
    this.#count = 0;
    if (this.#isEdgeIn) this.#add(-1, 0);
    for (let at = 0; at < this.#size; at++) {
      const square = f64At(squares, start + at * stride);
      if (square !== Number.POSITIVE_INFINITY) this.#add(at, square / this.#square);
    }
    if (this.#isEdgeIn) this.#add(this.#size, 0);
    if (this.#count === 0) return;
    this.#bounds[this.#count] = Number.POSITIVE_INFINITY;
    for (let at = 0, piece = 0; at < this.#size; at++) {
      while (f64At(this.#bounds, piece + 1) < at) piece++;
      const away = at - i32At(this.#roots, piece);
      squares[start + at * stride] = (away * away + f64At(this.#heights, piece)) * this.#square;
    }
  }

  #add(at: number, height: number): void {
    let from = Number.NEGATIVE_INFINITY;
    for (; this.#count > 0; this.#count--) {
      const root = i32At(this.#roots, this.#count - 1);
      from = (height + at * at - f64At(this.#heights, this.#count - 1) - root * root) / (2 * (at - root));
      if (from > f64At(this.#bounds, this.#count - 1)) break;
      from = Number.NEGATIVE_INFINITY;
    }
    this.#roots[this.#count] = at;
    this.#heights[this.#count] = height;
    this.#bounds[this.#count++] = from;
  }
}
