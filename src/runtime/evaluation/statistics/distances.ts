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
    const p = (one[at] as number) - (other[at] as number);
    const q = (one[at + 1] as number) - (other[at + 1] as number);
    const r = (one[at + 2] as number) - (other[at + 2] as number);
    const s = (one[at + 3] as number) - (other[at + 3] as number);
    a += p * p;
    b += q * q;
    c += r * r;
    d += s * s;
  }
  for (let at = even; at < one.length; at++) a += ((one[at] as number) - (other[at] as number)) ** 2;
  return a + b + c + d;
}
