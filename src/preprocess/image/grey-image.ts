import { u32At } from '../../runtime/base/at.ts';
export type GreyPixels = Uint8Array | Uint16Array;

/** A grey picture, row by row from the top left; `pixels.length` is width x height. Of floats it is the plane of a volume. */
export interface GreyImage<Pixels extends GreyPixels | Float32Array = GreyPixels> {
  readonly width: number;
  readonly height: number;
  readonly pixels: Pixels;
}

/** A new array of the same kind, of zeros. */
export function samePixels(like: GreyPixels, length: number): GreyPixels {
  return like instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
}

/** The brightest value that the pixels can hold. */
export function fullScale(pixels: GreyPixels): number {
  return pixels instanceof Uint16Array ? 65535 : 255;
}

/** Counts of each value, 256 or 65536 of them. */
export function histogram(pixels: GreyPixels): Uint32Array {
  const counts = new Uint32Array(fullScale(pixels) + 1);
  for (let at = 0; at < pixels.length; at++) {
    const value = pixels[at] as number;
    counts[value] = u32At(counts, value) + 1;
  }
  return counts;
}

/** The smallest value that at least `share` (0 to 1) of the counted pixels do not exceed. */
export function percentile(counts: Uint32Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let value = 0; value < counts.length; value++) {
    below += u32At(counts, value);
    if (below >= share * total) return value;
  }
  return counts.length - 1;
}
