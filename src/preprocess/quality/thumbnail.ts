import { f32At } from '../../runtime/base/at.ts';
import { encodePng } from '../image/png.ts';
import { resize } from '../image/resize.ts';
import type { Vector } from '../nifti/affine.ts';
import { applyWindow, findWindow } from '../picture/intensity.ts';
import { sortedSample } from '../picture/quantiles.ts';

/** Side of each picture of a thumbnail, in pixels. */
const SIDE = 96;

/** The middle slices across all three axes side by side, or the one there is, windowed as for a network; a PNG. */
export async function thumbnailOf({
  shape,
  data,
}: {
  shape: Vector;
  data: Float32Array;
}): Promise<Uint8Array> {
  const window = findWindow(data) ?? windowOf(data);
  const slices = shape[2] === 1 ? [2 as const] : ([2, 1, 0] as const);
  const rgb = new Uint8Array(3 * SIDE * SIDE * slices.length);
  for (const [place, axis] of slices.entries()) {
    const { pixels } = await resize(
      middle({ shape, data }, axis, (value) => Math.round(255 * applyWindow(value, window))),
      { width: SIDE, height: SIDE, fit: 'letterbox' },
    );
    for (const [at, value] of pixels.entries()) {
      const to = Math.floor(at / SIDE) * SIDE * slices.length + place * SIDE + (at % SIDE);
      rgb.fill(value, 3 * to, 3 * to + 3);
    }
  }
  return encodePng({ width: SIDE * slices.length, height: SIDE, rgb });
}

/** Of an image of one value: black. */
function windowOf(data: Float32Array) {
  const [value = 0] = sortedSample(data);
  return { black: value, white: value + 1, threshold: value };
}

/** Across one axis; the last axis that is left grows upwards. */
function middle(
  { shape, data }: { shape: Vector; data: Float32Array },
  axis: 0 | 1 | 2,
  shade: (value: number) => number,
) {
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  const [across, up] = axis === 0 ? ([1, 2] as const) : axis === 1 ? ([0, 2] as const) : ([0, 1] as const);
  const [width, height] = [shape[across], shape[up]];
  const start = Math.floor(shape[axis] / 2) * strides[axis];
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      pixels[(height - 1 - y) * width + x] = shade(
        f32At(data, start + x * strides[across] + y * strides[up]),
      );
  return { width, height, pixels };
}
