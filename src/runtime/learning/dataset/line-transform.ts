import { f64At, u32At } from '../../base/at.ts';

/**
 * The discrete Fourier transform of lines of one length, any length: radix 2 (Cooley and Tukey, 1965), or where it is no power of two as a
 * convolution by one that is (Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", 1970).
 */
export class LineTransform {
  readonly #size: number;
  readonly #inner: PowerOfTwo;
  /** Undefined for a power of two. */
  readonly #chirp: Chirp | undefined;

  constructor(size: number) {
    this.#size = size;
    const isPower = (size & (size - 1)) === 0;
    this.#inner = new PowerOfTwo(isPower ? size : 2 ** Math.ceil(Math.log2(2 * size - 1)));
    this.#chirp = isPower ? undefined : chirpOf(size, this.#inner);
  }

  /** In place. */
  forward(re: Float64Array, im: Float64Array): void {
    if (this.#chirp) this.#convolve({ re, im }, this.#chirp);
    else this.#inner.forward(re, im);
  }

  /** In place, divided by the length. */
  inverse(re: Float64Array, im: Float64Array): void {
    // With real and imaginary part exchanged before and after, forth is back.
    this.forward(im, re);
    for (let at = 0; at < this.#size; at++) {
      re[at] = f64At(re, at) / this.#size;
      im[at] = f64At(im, at) / this.#size;
    }
  }

  #convolve(line: Complex, { turn, spectrum, work }: Chirp): void {
    work.re.fill(0);
    work.im.fill(0);
    multiply(line, turn, work);
    this.#inner.forward(work.re, work.im);
    multiply(work, spectrum, work);
    this.#inner.forward(work.im, work.re);
    const { length } = work.re;
    for (let at = 0; at < this.#size; at++) {
      const [a, b] = [f64At(work.re, at) / length, f64At(work.im, at) / length];
      const [c, d] = [f64At(turn.re, at), f64At(turn.im, at)];
      line.re[at] = a * c - b * d;
      line.im[at] = a * d + b * c;
    }
  }
}

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

interface Chirp {
  readonly turn: Complex;
  readonly spectrum: Complex;
  readonly work: Complex;
}

const zeros = (length: number): Complex => ({ re: new Float64Array(length), im: new Float64Array(length) });

function chirpOf(size: number, inner: PowerOfTwo): Chirp {
  const turn = zeros(size);
  const spectrum = zeros(inner.size);
  for (let at = 0; at < size; at++) {
    // at^2 modulo 2 size, exactly: the angle of a large square would lose its digits.
    const angle = (Math.PI * ((at * at) % (2 * size))) / size;
    turn.re[at] = Math.cos(angle);
    turn.im[at] = -Math.sin(angle);
    for (const place of at === 0 ? [0] : [at, inner.size - at]) {
      spectrum.re[place] = Math.cos(angle);
      spectrum.im[place] = Math.sin(angle);
    }
  }
  inner.forward(spectrum.re, spectrum.im);
  return { turn, spectrum, work: zeros(inner.size) };
}

/** As far as `by` goes. */
function multiply(line: Complex, by: Complex, into: Complex): void {
  for (let at = 0; at < by.re.length; at++) {
    const [a, b] = [f64At(line.re, at), f64At(line.im, at)];
    const [c, d] = [f64At(by.re, at), f64At(by.im, at)];
    into.re[at] = a * c - b * d;
    into.im[at] = a * d + b * c;
  }
}

class PowerOfTwo {
  readonly size: number;
  readonly #reversed: Uint32Array;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  constructor(size: number) {
    this.size = size;
    const bits = Math.round(Math.log2(size));
    this.#reversed = new Uint32Array(size);
    for (let at = 1; at < size; at++)
      this.#reversed[at] = (u32At(this.#reversed, at >> 1) >> 1) | ((at & 1) << (bits - 1));
    const half = Math.max(1, size / 2);
    this.#cos = Float64Array.from({ length: half }, (_, at) => Math.cos((2 * Math.PI * at) / size));
    this.#sin = Float64Array.from({ length: half }, (_, at) => -Math.sin((2 * Math.PI * at) / size));
  }

  /** In place. */
  forward(re: Float64Array, im: Float64Array): void {
    for (let at = 0; at < this.size; at++) {
      const other = u32At(this.#reversed, at);
      if (other <= at) continue;
      [re[at], re[other]] = [f64At(re, other), f64At(re, at)];
      [im[at], im[other]] = [f64At(im, other), f64At(im, at)];
    }
    for (let half = 1; half < this.size; half *= 2) {
      const step = this.size / (2 * half);
      for (let k = 0; k < half; k++) {
        const [c, d] = [f64At(this.#cos, k * step), f64At(this.#sin, k * step)];
        for (let at = k; at < this.size; at += 2 * half) {
          const other = at + half;
          const [x, y] = [f64At(re, other), f64At(im, other)];
          const [p, q] = [x * c - y * d, x * d + y * c];
          re[other] = f64At(re, at) - p;
          im[other] = f64At(im, at) - q;
          re[at] = f64At(re, at) + p;
          im[at] = f64At(im, at) + q;
        }
      }
    }
  }
}
