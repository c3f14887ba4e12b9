import { type ColourImage, encodePng } from '../../../preprocess/image/png.ts';
import { resample } from '../../../preprocess/picture/resample.ts';
import { f32At } from '../../base/at.ts';
import type { Explained } from './heat.ts';

/** Side of each of the two pictures of an overlay, and what lies between them, in pixels. */
export const SHOWN_SIDE = 224;
export const GAP = 4;
const STRENGTH = 0.6;
/** Inferno's colours (van der Walt and Smith, 2015) at even steps from dark to bright. */
const COLOURS: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** The picture, and beside it the same with the heat over it, as a PNG. */
export async function drawOverlay({ grey, heat, side }: Explained): Promise<Uint8Array> {
  return encodePng(sideBySide(scaleUp(grey, side), scaleUp(heat, side)));
}

function scaleUp(values: Float32Array, side: number): Float32Array {
  const box = { left: 0, top: 0, width: side, height: side };
  return resample({ width: side, height: side, pixels: values }, box, SHOWN_SIDE);
}

function sideBySide(grey: Float32Array, heat: Float32Array): ColourImage {
  const width = 2 * SHOWN_SIDE + GAP;
  const rgb = new Uint8Array(3 * width * SHOWN_SIDE);
  for (let row = 0; row < SHOWN_SIDE; row++) {
    for (let column = 0; column < SHOWN_SIDE; column++) {
      const at = row * SHOWN_SIDE + column;
      const level = 255 * f32At(grey, at);
      rgb.fill(level, 3 * (row * width + column), 3 * (row * width + column) + 3);
      const share = f32At(heat, at);
      const to = 3 * (row * width + SHOWN_SIDE + GAP + column);
      for (const [channel, value] of colourOf(share).entries()) {
        rgb[to + channel] = level * (1 - STRENGTH * share) + STRENGTH * share * value;
      }
    }
  }
  return { width, height: SHOWN_SIDE, rgb };
}

function colourOf(share: number): [number, number, number] {
  const at = Math.min(COLOURS.length - 1, Math.max(0, share * (COLOURS.length - 1)));
  const low = COLOURS[Math.floor(at)] ?? [0, 0, 0];
  const high = COLOURS[Math.ceil(at)] ?? low;
  const part = at - Math.floor(at);
  return [0, 1, 2].map((channel) => {
    const from = low[channel] ?? 0;
    return from + part * ((high[channel] ?? 0) - from);
  }) as [number, number, number];
}
