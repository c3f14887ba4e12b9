import { f64At } from '../../../runtime/base/at.ts';

/** A complex signal, whose length is a power of two. */
export interface Signal {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** A signal of real numbers. */
export function signalOf(re: Float64Array): Signal {
  return { re, im: new Float64Array(re.length) };
}

/** The discrete Fourier transform, in place (Cooley and Tukey 1965, radix 2). */
export function fourier(signal: Signal): Signal {
  return transform(signal, -1);
}

/** Its inverse, in place, divided by the length. */
export function inverseFourier(signal: Signal): Signal {
  transform(signal, 1);
  const { length } = signal.re;
  for (let n = 0; n < length; n++) {
    signal.re[n] = f64At(signal.re, n) / length;
    signal.im[n] = f64At(signal.im, n) / length;
  }
  return signal;
}

function transform(signal: Signal, sign: 1 | -1): Signal {
  const { length } = signal.re;
  reverseBits(signal);
  for (let half = 1; half < length; half *= 2) {
    for (let k = 0; k < half; k++) {
      const angle = (sign * Math.PI * k) / half;
      const turn = { re: Math.cos(angle), im: Math.sin(angle) };
      for (let at = k; at < length; at += 2 * half) combine(signal, { at, other: at + half, turn });
    }
  }
  return signal;
}

function combine(
  { re, im }: Signal,
  { at, other, turn }: { at: number; other: number; turn: { re: number; im: number } },
): void {
  const real = f64At(re, other) * turn.re - f64At(im, other) * turn.im;
  const imaginary = f64At(re, other) * turn.im + f64At(im, other) * turn.re;
  re[other] = f64At(re, at) - real;
  im[other] = f64At(im, at) - imaginary;
  re[at] = f64At(re, at) + real;
  im[at] = f64At(im, at) + imaginary;
}

function reverseBits({ re, im }: Signal): void {
  for (let at = 1, other = 0; at < re.length; at++) {
    let bit = re.length / 2;
    for (; other & bit; bit /= 2) other -= bit;
    other += bit;
    if (at >= other) continue;
    [re[at], re[other]] = [f64At(re, other), f64At(re, at)];
    [im[at], im[other]] = [f64At(im, other), f64At(im, at)];
  }
}
