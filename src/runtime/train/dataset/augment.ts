import type { Random } from '../../kernel/random.ts';
import type { Picture } from './picture-cache.ts';

/** How far training pictures are changed; every amount is drawn evenly from minus to plus the given one. */
export interface AugmentOptions {
  /** Left and right are exchanged in half of the pictures. */
  readonly flip: boolean;
  /** Degrees. */
  readonly rotate: number;
  /** Share of the size: 0.1 is 0.9 to 1.1 times. */
  readonly scale: number;
  /** Share of the side. */
  readonly shift: number;
  /** Exponent of the grey values in powers of e: 0.2 is 0.82 to 1.22. */
  readonly gamma: number;
}

/** What scanners and positioning vary by, and no more. */
export const MILD: AugmentOptions = { flip: true, rotate: 5, scale: 0.05, shift: 0.03, gamma: 0.1 };

/** Row-major 2 x 3: source pixel from target pixel. */
type Warp = readonly [number, number, number, number, number, number];

const GREYS = 256;

/** A changed copy of a picture as floats, 0 to 1; `random` decides how. Bilinear; what comes from outside is 0. */
export function augment(picture: Picture, options: AugmentOptions, random: Random): Float32Array {
  const side = Math.sqrt(picture.length);
  const warp = drawWarp(side, options, random);
  const exponent = Math.exp(spread(random, options.gamma));
  const greys = Float32Array.from({ length: GREYS }, (_, grey) => (grey / (GREYS - 1)) ** exponent);
  const result = new Float32Array(picture.length);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const x = warp[0] * column + warp[1] * row + warp[2];
      const y = warp[3] * column + warp[4] * row + warp[5];
      result[row * side + column] = bilinear({ picture, side, greys }, x, y);
    }
  }
  return result;
}

function drawWarp(side: number, options: AugmentOptions, random: Random): Warp {
  const mirror = options.flip && random.next() < 0.5 ? -1 : 1;
  const angle = (spread(random, options.rotate) * Math.PI) / 180;
  const zoom = 1 / (1 + spread(random, options.scale));
  const [cos, sin] = [Math.cos(angle) * zoom, Math.sin(angle) * zoom];
  const middle = (side - 1) / 2;
  const toX = middle + spread(random, options.shift) * side;
  const toY = middle + spread(random, options.shift) * side;
  const [a, b, c, d] = [mirror * cos, -mirror * sin, sin, cos];
  return [a, b, middle - a * toX - b * toY, c, d, middle - c * toX - d * toY];
}

function spread(random: Random, amount: number): number {
  return (2 * random.next() - 1) * amount;
}

interface Source {
  readonly picture: Picture;
  readonly side: number;
  /** Value of each grey. */
  readonly greys: Float32Array;
}

function bilinear(source: Source, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const upper = (1 - right) * pixel(source, left, top) + right * pixel(source, left + 1, top);
  const lower = (1 - right) * pixel(source, left, top + 1) + right * pixel(source, left + 1, top + 1);
  return (1 - down) * upper + down * lower;
}

function pixel({ picture, side, greys }: Source, x: number, y: number): number {
  if (x < 0 || y < 0 || x >= side || y >= side) return 0;
  return greys[picture[y * side + x] ?? 0] ?? 0;
}
