/** Numbers of 16 bits (IEEE 754 binary16), as their bits in an integer below 0. */

/** Exponent of all ones: no finite number. */
const NOT_FINITE = 0x7c00;

const bits = new Uint32Array(1);
const number = new Float32Array(bits.buffer);

/** Rounded to nearest, ties to even. @param value within ± 65504 */
export function toFloat16(value: number): number {
  number[0] = value;
  const all = bits[0] ?? 0;
  const sign = (all >>> 16) & 0x8000;
  const exponent = ((all >>> 23) & 0xff) - 112;
  const fraction = all & 0x7f_ffff;
  // Of what is too small for a leading one it is written out, and shifted as far as the exponent is below 1.
  const shift = exponent > 0 ? 13 : Math.min(14 - exponent, 31);
  const whole = exponent > 0 ? (exponent << 23) | fraction : fraction | 0x80_0000;
  const half = 2 ** (shift - 1);
  const rest = whole & (2 ** shift - 1);
  const kept = whole >>> shift;
  const up = rest > half || (rest === half && kept % 2 === 1) ? 1 : 0;
  return ((sign | (kept + up)) << 16) >> 16;
}

/** NaN for what is no finite number. */
export function fromFloat16(half: number): number {
  const exponent = (half & NOT_FINITE) >>> 10;
  const fraction = half & 0x3ff;
  if (exponent === 31) return Number.NaN;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return half & 0x8000 ? -size : size;
}
