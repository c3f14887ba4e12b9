import type { Picture } from '../../../preprocess/picture/picture-cache.ts';
import { f32At, u8At } from '../../base/at.ts';
import type { Random } from '../../base/random.ts';
import { drawElastic, sourcesOf, warpChannel } from './augment-space.ts';
import { spread } from './spread.ts';
import { changeGreys } from './volume-augment.ts';

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
  /** Most that a control point of a smooth deformation is moved along each axis, in pixels. */
  readonly elastic: number;
  /** Coefficients of a polynomial of the place, whose power of e the grey values are multiplied by. */
  readonly bias: number;
  /** Standard deviation of normal noise; white is 1. */
  readonly noise: number;
  /** Share of the frequencies of each axis, from the highest down, that is cut; below 1. */
  readonly gibbs: number;
  /** Degrees that a head turns, and pixels that it shifts by, while it is scanned. */
  readonly motion: number;
  /** With which chance each of elastic, bias, noise, gibbs and motion takes place. */
  readonly chance: number;
}

/** What scanners and positioning vary by, and no more. */
export const MILD: AugmentOptions = {
  flip: true,
  rotate: 5,
  scale: 0.05,
  shift: 0.03,
  gamma: 0.1,
  elastic: 0,
  bias: 0,
  noise: 0,
  gibbs: 0,
  motion: 0,
  chance: 1,
};

/** Row-major 2 x 3: source pixel from target pixel. */
type Warp = readonly [number, number, number, number, number, number];

const GREYS = 256;

/**
 * A changed copy of a picture as floats, 0 to 1 before noise and the like; `random` decides how. Bilinear; what comes from outside is 0.
 * @param into where the copy goes: as many zeros as the picture has pixels
 * @param greys decides the grey values in place of `random`
 */
export function augment(
  picture: Picture,
  options: AugmentOptions,
  {
    random,
    into = new Float32Array(picture.length),
    greys: greysBy = random,
  }: { readonly random: Random; readonly into?: Float32Array; readonly greys?: Random },
): Float32Array {
  const side = Math.sqrt(picture.length);
  const shape = [side, side, 1] as const;
  const warp = drawWarp(side, options, random);
  const isBent = options.elastic > 0 && random.next() < options.chance;
  const elastic = isBent ? drawElastic(shape, options.elastic, random) : undefined;
  const exponent = Math.exp(spread(greysBy, options.gamma));
  const greys = new Float32Array(GREYS);
  for (let grey = 0; grey < GREYS; grey++) greys[grey] = (grey / (GREYS - 1)) ** exponent;
  warped(withMargin(picture, side, greys), warp, into);
  if (elastic) warpChannel(into, shape, sourcesOf(shape, { affine: undefined, elastic }));
  changeGreys(into, shape, { options: { ...options, gamma: 0 }, random: greysBy });
  return into;
}

/** Its inside is written anew for each picture, its margin stays 0. */
let margined = new Float32Array();

/** The grey values with a row and column of 0 before and two behind, so that no pixel's neighbours need a look at the edge. */
function withMargin(picture: Picture, side: number, greys: Float32Array): Float32Array {
  const width = side + 3;
  if (margined.length !== width * width) margined = new Float32Array(width * width);
  for (let row = 0; row < side; row++) {
    const [from, to] = [row * side, (row + 1) * width + 1];
    for (let column = 0; column < side; column++)
      margined[to + column] = f32At(greys, u8At(picture, from + column));
  }
  return margined;
}

function warped(source: Float32Array, [a, b, c, d, e, f]: Warp, result: Float32Array): Float32Array {
  const side = Math.sqrt(result.length);
  const width = side + 3;
  for (let row = 0, at = 0; row < side; row++) {
    for (let column = 0; column < side; column++, at++) {
      const x = a * column + b * row + c;
      const y = d * column + e * row + f;
      const left = Math.floor(x);
      const top = Math.floor(y);
      if (left < -1 || top < -1 || left >= side || top >= side) continue;
      const right = x - left;
      const down = y - top;
      const corner = (top + 1) * width + left + 1;
      const upper = (1 - right) * f32At(source, corner) + right * f32At(source, corner + 1);
      const below = corner + width;
      const lower = (1 - right) * f32At(source, below) + right * f32At(source, below + 1);
      result[at] = (1 - down) * upper + down * lower;
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
