import { f32At } from '../../runtime/base/at.ts';
import type { GreyImage } from '../image/grey-image.ts';

/** A rectangle in pixels of the source; edges may be fractions, and may lie outside it. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Which source pixels make one pixel of the result. */
interface Taps {
  readonly first: number;
  readonly weights: Float32Array;
}

/**
 * The part of `source` in `box`, as size x size pixels. Separable triangle filter, widened when shrinking so that it
 * averages all it covers (as Pillow's `resize(BILINEAR)`); what lies outside the source is 0. Whole pictures of whole numbers
 * are resized by `image/resize.ts`, which says why there are two.
 */
export function resample(source: GreyImage<Float32Array>, box: Box, size: number): Float32Array {
  const columns = makeTaps(size, { start: box.left, length: box.width, limit: source.width });
  const rows = makeTaps(size, { start: box.top, length: box.height, limit: source.height });
  const [firstRow, lastRow] = coveredRows(rows, source.height);
  const narrow = new Float32Array(size * source.height);
  for (let y = firstRow; y < lastRow; y++) {
    for (let x = 0; x < size; x++) {
      narrow[y * size + x] = weigh(source.pixels, columns[x], { offset: y * source.width, stride: 1 });
    }
  }
  const result = new Float32Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      result[y * size + x] = weigh(narrow, rows[y], { offset: x, stride: size });
    }
  }
  return result;
}

function makeTaps(size: number, span: { start: number; length: number; limit: number }): Taps[] {
  const scale = span.length / size;
  const reach = Math.max(1, scale);
  return Array.from({ length: size }, (_, index) => {
    const centre = span.start + (index + 0.5) * scale;
    const from = Math.ceil(centre - reach - 0.5);
    const to = Math.floor(centre + reach - 0.5);
    const all = Array.from({ length: to - from + 1 }, (_, tap) =>
      Math.max(0, 1 - Math.abs(from + tap + 0.5 - centre) / reach),
    );
    const sum = all.reduce((total, weight) => total + weight, 0);
    const first = Math.max(0, from);
    const inside = all.slice(first - from, Math.max(0, Math.min(to + 1, span.limit) - from));
    return { first, weights: Float32Array.from(inside, (weight) => weight / sum) };
  });
}

function coveredRows(rows: readonly Taps[], height: number): [number, number] {
  const used = rows.filter(({ weights }) => weights.length > 0);
  const first = Math.min(height, ...used.map((tap) => tap.first));
  return [first, Math.max(first, ...used.map((tap) => tap.first + tap.weights.length))];
}

function weigh(
  data: Float32Array,
  taps: Taps | undefined,
  { offset, stride }: { offset: number; stride: number },
): number {
  if (!taps) return 0;
  const { first, weights } = taps;
  let sum = 0;
  let at = offset + first * stride;
  for (let tap = 0; tap < weights.length; tap++, at += stride) sum += f32At(weights, tap) * f32At(data, at);
  return sum;
}
