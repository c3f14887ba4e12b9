import { f64At } from '../../../runtime/base/at.ts';
import { fourier, inverseFourier, type Signal, signalOf } from './fourier.ts';

/** How a histogram that a bias field has blurred is made sharp again (Sled et al. 1998, section II.C). */
export interface Sharpening {
  readonly bins: number;
  /** Full width at half maximum of the field's distribution, in units of the logarithm. */
  readonly fwhm: number;
  /** Of the Wiener filter. */
  readonly noise: number;
}

/**
 * What each value would most probably be without the field: E(u | v) by deconvolution of the histogram of `values` with the Gaussian of
 * the field. Returns one result for each value; values that are all the same stay as they are.
 */
export function sharpened(values: Float64Array, sharpening: Sharpening): Float64Array {
  const range = rangeOf(values);
  if (range.most <= range.least) return values.slice();
  const slope = (range.most - range.least) / (sharpening.bins - 1);
  const scale = { least: range.least, slope };
  const expected = expectedByBin(histogram(values, scale, sharpening.bins), scale, sharpening);
  return values.map((value) => {
    const place = (value - scale.least) / slope;
    const bin = Math.min(Math.floor(place), sharpening.bins - 2);
    const low = f64At(expected, bin);
    return low + (f64At(expected, bin + 1) - low) * (place - bin);
  });
}

/** Value of the first bin, and what lies between two. */
interface Scale {
  readonly least: number;
  readonly slope: number;
}

function rangeOf(values: Float64Array): { least: number; most: number } {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most };
}

/** Each value is shared by the two bins it lies between (a triangular Parzen window). */
function histogram(values: Float64Array, { least, slope }: Scale, bins: number): Float64Array {
  const counts = new Float64Array(bins);
  for (const value of values) {
    const place = (value - least) / slope;
    const bin = Math.min(Math.floor(place), bins - 2);
    counts[bin] = f64At(counts, bin) + 1 - (place - bin);
    counts[bin + 1] = f64At(counts, bin + 1) + place - bin;
  }
  return counts;
}

function expectedByBin(counts: Float64Array, scale: Scale, { fwhm, noise, bins }: Sharpening): Float64Array {
  const length = 2 ** (Math.ceil(Math.log2(bins)) + 1);
  const offset = (length - bins) >> 1;
  const blur = fourier(signalOf(gaussian(length, fwhm / scale.slope)));
  const padded = new Float64Array(length);
  padded.set(counts, offset);
  const sharp = fourier(signalOf(padded));
  filter(sharp, (n) => wiener(f64At(blur.re, n), f64At(blur.im, n), noise));
  const density = inverseFourier(sharp).re.map((value) => Math.max(value, 0));
  const weighted = density.map((value, n) => value * (scale.least + (n - offset) * scale.slope));
  const [numerator, denominator] = [weighted, density].map((of) => blurred(of, blur));
  return counts.map((_, bin) => quotient(numerator, denominator, bin + offset));
}

function quotient(numerator: Signal | undefined, denominator: Signal | undefined, at: number): number {
  if (!numerator || !denominator) return 0;
  const below = f64At(denominator.re, at);
  return below === 0 ? 0 : f64At(numerator.re, at) / below;
}

function blurred(values: Float64Array, blur: Signal): Signal {
  const signal = fourier(signalOf(values.slice()));
  for (let n = 0; n < values.length; n++) {
    const [re, im] = [f64At(signal.re, n), f64At(signal.im, n)];
    signal.re[n] = re * f64At(blur.re, n) - im * f64At(blur.im, n);
    signal.im[n] = re * f64At(blur.im, n) + im * f64At(blur.re, n);
  }
  return inverseFourier(signal);
}

/** Real part of the Wiener filter of one frequency. */
function wiener(re: number, im: number, noise: number): number {
  return re / (re * re + im * im + noise);
}

function filter({ re, im }: Signal, gain: (n: number) => number): void {
  for (let n = 0; n < re.length; n++) {
    re[n] = f64At(re, n) * gain(n);
    im[n] = f64At(im, n) * gain(n);
  }
}

/** Around index 0, of sum 1; what lies before 0 stands at the end. `fwhm` in bins. */
function gaussian(length: number, fwhm: number): Float64Array {
  const exponent = (4 * Math.LN2) / fwhm ** 2;
  const height = (2 * Math.sqrt(Math.LN2 / Math.PI)) / fwhm;
  return Float64Array.from({ length }, (_, n) => {
    const distance = Math.min(n, length - n);
    return height * Math.exp(-(distance ** 2) * exponent);
  });
}
