import { f64At } from '../../runtime/base/at.ts';
import type { GreyImage, GreyPixels } from '../image/grey-image.ts';

/** Side of the square thumbnails that are compared. */
export const THUMBNAIL_SIDE = 64;

/**
 * `side` x `side` grey values, proportions ignored, each the mean of its own block of pixels; 16-bit pictures are stretched to the range of a byte.
 * Plain sums, so that groups do not depend on the build of an image library.
 */
export function makeThumbnail({ width, height, pixels }: GreyImage, side = THUMBNAIL_SIDE): Uint8Array {
  const means = new Float64Array(side * side);
  const columns = new Float64Array(width);
  for (let row = 0; row < side; row++) {
    const [top, bottom] = span(row, height, side);
    columns.fill(0);
    for (let y = top; y < bottom; y++) addRow(columns, pixels, y * width);
    for (let column = 0; column < side; column++) {
      const [left, right] = span(column, width, side);
      let sum = 0;
      for (let x = left; x < right; x++) sum += f64At(columns, x);
      means[row * side + column] = sum / ((right - left) * (bottom - top));
    }
  }
  const top = pixels instanceof Uint8Array ? 255 : Math.max(1, ...means);
  return Uint8Array.from(means, (mean) => Math.round((mean * 255) / top));
}

/** Pixels of one block along a side; blocks of a picture under 64 pixels share some. */
function span(block: number, length: number, blocks: number): [number, number] {
  const from = Math.floor((block * length) / blocks);
  return [from, Math.max(from + 1, Math.floor(((block + 1) * length) / blocks))];
}

function addRow(columns: Float64Array, pixels: GreyPixels, from: number): void {
  for (let x = 0; x < columns.length; x++) columns[x] = f64At(columns, x) + (pixels[from + x] as number);
}
