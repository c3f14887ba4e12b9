import { f32At } from '../../runtime/base/at.ts';
import type { Axis } from '../nifti/affine.ts';

const POLE = Math.sqrt(3) - 2;
/** What is left of a voxel's influence after so many steps is below what a double holds. */
const HORIZON = 28;

/**
 * Coefficients, along one axis, of the cubic B-spline that goes through the values (Unser 1999, box 2), mirrored at the middle of the
 * first and of the last voxel. `shape` is that of `data`, first axis fastest.
 */
export function splineCoefficients(data: Float32Array, shape: readonly number[], axis: Axis): Float32Array {
  const size = shape[axis] ?? 1;
  const result = data.slice();
  if (size === 1) return result;
  const stride = shape.slice(0, axis).reduce((product, length) => product * length, 1);
  const line = new Float64Array(size);
  for (let start = 0; start < data.length; start += size * stride) {
    for (let inner = 0; inner < stride; inner++) {
      for (let at = 0; at < size; at++) line[at] = f32At(data, start + inner + at * stride);
      filter(line);
      for (let at = 0; at < size; at++) result[start + inner + at * stride] = line[at] ?? 0;
    }
  }
  return result;
}

function filter(line: Float64Array): void {
  const at = (index: number) => line[index] ?? 0;
  const last = line.length - 1;
  line[0] = firstCausal(line);
  for (let n = 1; n <= last; n++) line[n] = at(n) + POLE * at(n - 1);
  line[last] = (POLE / (POLE * POLE - 1)) * (at(last) + POLE * at(last - 1));
  for (let n = last - 1; n >= 0; n--) line[n] = POLE * (at(n + 1) - at(n));
  for (let n = 0; n <= last; n++) line[n] = 6 * at(n);
}

/** The sum over the mirrored line, which goes on for ever, as far as it counts. */
function firstCausal(line: Float64Array): number {
  const period = 2 * (line.length - 1);
  let [sum, power] = [0, 1];
  for (let n = 0; n < Math.min(HORIZON, period); n++, power *= POLE)
    sum += power * (line[n < line.length ? n : period - n] ?? 0);
  return period <= HORIZON ? sum / (1 - POLE ** period) : sum;
}
