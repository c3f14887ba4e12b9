import { f64At } from '../base/at.ts';

/** Complex numbers, their real and imaginary parts apart. */
export interface Spectrum {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** The discrete Fourier transform of numbers whose count is a power of 2, in place (Cooley and Tukey 1965). */
export function transform({ re, im }: Spectrum, direction: 'forward' | 'back'): void {
  const count = re.length;
  reverseBits(re, im);
  const turn = ((direction === 'forward' ? -1 : 1) * 2 * Math.PI) / count;
  const [cos, sin] = [new Float64Array(count / 2), new Float64Array(count / 2)];
  for (let at = 0; at < count / 2; at++) {
    cos[at] = Math.cos(turn * at);
    sin[at] = Math.sin(turn * at);
  }
  for (let length = 2; length <= count; length *= 2) {
    const [half, step] = [length / 2, count / length];
    for (let first = 0; first < count; first += length)
      for (let at = 0; at < half; at++) {
        const [a, b, t] = [first + at, first + at + half, at * step];
        const [x, y] = [f64At(re, b), f64At(im, b)];
        const turnedRe = x * f64At(cos, t) - y * f64At(sin, t);
        const turnedIm = x * f64At(sin, t) + y * f64At(cos, t);
        re[b] = f64At(re, a) - turnedRe;
        im[b] = f64At(im, a) - turnedIm;
        re[a] = f64At(re, a) + turnedRe;
        im[a] = f64At(im, a) + turnedIm;
      }
  }
  if (direction === 'forward') return;
  for (let at = 0; at < count; at++) {
    re[at] = f64At(re, at) / count;
    im[at] = f64At(im, at) / count;
  }
}

function reverseBits(re: Float64Array, im: Float64Array): void {
  const count = re.length;
  for (let at = 1, other = 0; at < count; at++) {
    let bit = count >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (at >= other) continue;
    const [x, y] = [f64At(re, at), f64At(im, at)];
    re[at] = f64At(re, other);
    im[at] = f64At(im, other);
    re[other] = x;
    im[other] = y;
  }
}
