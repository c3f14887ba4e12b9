import { f32At } from '../base/at.ts';
/**
 * Squared Euclidean distances between all rows, [rows, rows].
 * @param points by row: value f of row r is at r * dimensions + f
 */
export function squaredDistances(points: Float32Array, rows: number): Float32Array {
  const dimensions = points.length / rows;
  const all = new Float32Array(rows * rows);
  for (let a = 0; a < rows; a++) {
    const one = points.subarray(a * dimensions, (a + 1) * dimensions);
    for (let b = 0; b < a; b++) {
      const distance = squaredDistance(one, points.subarray(b * dimensions, (b + 1) * dimensions));
      all[a * rows + b] = distance;
      all[b * rows + a] = distance;
    }
  }
  return all;
}

/** Four sums side by side keep the processor's adders busy. */
function squaredDistance(one: Float32Array, other: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const even = one.length - (one.length % 4);
  for (let at = 0; at < even; at += 4) {
    const p = f32At(one, at) - f32At(other, at);
    const q = f32At(one, at + 1) - f32At(other, at + 1);
    const r = f32At(one, at + 2) - f32At(other, at + 2);
    const s = f32At(one, at + 3) - f32At(other, at + 3);
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let at = even; at < one.length; at++) a += (f32At(one, at) - f32At(other, at)) ** 2;
  return a + b + c + d;
}
