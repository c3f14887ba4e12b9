import { f32At } from '../../base/at.ts';
import type { Random } from '../../base/random.ts';

/** Least and greatest; black is the least. */
function rangeOf(values: Float32Array): { readonly black: number; readonly range: number } {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < values.length; at++) {
    const value = f32At(values, at);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { black: least, range: most - least };
}

/** The least of some values: what is outside a patch looks like it. */
export function blackOf(values: Float32Array): number {
  return rangeOf(values).black;
}

/** Raises the share of the range to a power; black and white stay. In place. */
export function bendGreys(values: Float32Array, exponent: number): void {
  const { black, range } = rangeOf(values);
  if (range === 0 || exponent === 1) return;
  for (let at = 0; at < values.length; at++)
    values[at] = black + range * ((f32At(values, at) - black) / range) ** exponent;
}

/** Of each axis, in products that have this order together. */
const ORDER = 3;

/**
 * Multiplies what is over black by e to the power of a polynomial of the place, -1 to 1 on each axis, as a coil does (Van Leemput et al.,
 * "Automated model-based bias field correction of MR images of the brain", 1999; as in TorchIO). In place.
 * @param draw gives each coefficient
 */
export function shadeUnevenly(
  values: Float32Array,
  shape: readonly [number, number, number],
  draw: () => number,
): void {
  const terms: { readonly powers: readonly [number, number, number]; readonly coefficient: number }[] = [];
  const most = shape.map((size) => (size > 1 ? ORDER : 0));
  for (let i = 0; i <= (most[0] ?? 0); i++)
    for (let j = 0; j <= Math.min(most[1] ?? 0, ORDER - i); j++)
      for (let k = 0; k <= Math.min(most[2] ?? 0, ORDER - i - j); k++)
        if (i + j + k > 0) terms.push({ powers: [i, j, k], coefficient: draw() });
  const { black } = rangeOf(values);
  const along = (at: number, axis: 0 | 1 | 2) => (shape[axis] > 1 ? (2 * at) / (shape[axis] - 1) - 1 : 0);
  for (let z = 0, at = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++) {
      // A polynomial of x alone: its coefficients are worked out once a row.
      const row = new Float64Array(ORDER + 1);
      for (const { powers, coefficient } of terms) {
        const rest = along(y, 1) ** powers[1] * along(z, 2) ** powers[2];
        row[powers[0]] = (row[powers[0]] ?? 0) + coefficient * rest;
      }
      const [a = 0, b = 0, c = 0, d = 0] = row;
      for (let x = 0; x < shape[0]; x++, at++) {
        const place = along(x, 0);
        const field = Math.exp(a + place * (b + place * (c + place * d)));
        values[at] = black + (f32At(values, at) - black) * field;
      }
    }
}

/** Adds normal noise of mean 0. In place. */
export function addNoise(values: Float32Array, deviation: number, random: Random): void {
  if (deviation === 0) return;
  for (let at = 0; at < values.length; at++) values[at] = f32At(values, at) + deviation * random.normal();
}
