import { type ColourImage, encodePng } from '../../../preprocess/image/png.ts';
import { voxelSize } from '../../../preprocess/nifti/affine.ts';
import { resample } from '../../../preprocess/picture/resample.ts';
import { STEPS } from '../../../preprocess/volume/labelled-volume.ts';
import { f32At, u8At } from '../../base/at.ts';
import { GAP, SHOWN_SIDE } from '../explain/overlay.ts';
import type { LabelledPair } from './score-volumes.ts';

type Colour = readonly [number, number, number];

/** Told apart by people who see few colours, too (Okabe and Ito, 2008). */
const TRUTH: Colour = [86, 180, 233];
const PREDICTED: Colour = [230, 159, 0];
const BOTH: Colour = [255, 255, 255];
/** Standard deviations of the head that are drawn black and white. */
const BLACK = -2;
const WHITE = 3;

/** The axial slice with most of the mask (of a mask without labels, of the prediction), and beside it the outlines of both, as a PNG. */
export async function drawOutlines(pair: LabelledPair): Promise<Uint8Array> {
  const { volume, predicted } = pair;
  const shown = volume.labels.some((label) => label > 0) ? volume.labels : predicted;
  return encodePng(sideBySide(sliceOf(pair, fullestPlane(shown, volume.shape))));
}

/** The plane across the third axis with most labelled voxels; of equal ones, the middle one of those without any. */
function fullestPlane(labels: Uint8Array, [nx, ny, nz]: readonly [number, number, number]): number {
  let [best, most] = [Math.floor(nz / 2), 0];
  for (let plane = 0; plane < nz; plane++) {
    let count = 0;
    for (let at = plane * nx * ny; at < (plane + 1) * nx * ny; at++) if (u8At(labels, at) > 0) count++;
    if (count > most) [best, most] = [plane, count];
  }
  return best;
}

interface ShownSlice {
  /** [side, side], 0 black to 1 white. */
  readonly grey: Float32Array;
  readonly truth: Uint8Array;
  readonly predicted: Uint8Array;
}

/** In a square of true proportions, anterior on top, the patient's left on the left. */
function sliceOf({ volume, predicted }: LabelledPair, plane: number): ShownSlice {
  const { shape, affine, labels, channels } = volume;
  const [nx, ny] = shape;
  const [dx, dy] = voxelSize(affine);
  const side = Math.max(nx * dx, ny * dy);
  const [width, height] = [side / dx, side / dy];
  const box = { left: (nx - width) / 2, top: (ny - height) / 2, width, height };
  const from = plane * nx * ny;
  const turned = Float32Array.from({ length: nx * ny }, (_, at) => {
    const stored = channels[0]?.[from + (ny - 1 - Math.floor(at / nx)) * nx + (at % nx)] ?? 0;
    return Math.min(1, Math.max(0, (stored / STEPS - BLACK) / (WHITE - BLACK)));
  });
  const nearest = (values: Uint8Array) =>
    Uint8Array.from({ length: SHOWN_SIDE ** 2 }, (_, at) => {
      const x = Math.floor(box.left + (((at % SHOWN_SIDE) + 0.5) * width) / SHOWN_SIDE);
      const y = Math.floor(box.top + ((Math.floor(at / SHOWN_SIDE) + 0.5) * height) / SHOWN_SIDE);
      const isInside = x >= 0 && x < nx && y >= 0 && y < ny;
      return isInside ? u8At(values, from + (ny - 1 - y) * nx + x) : 0;
    });
  const grey = resample({ width: nx, height: ny, pixels: turned }, box, SHOWN_SIDE);
  return { grey, truth: nearest(labels), predicted: nearest(predicted) };
}

function sideBySide({ grey, truth, predicted }: ShownSlice): ColourImage {
  const width = 2 * SHOWN_SIDE + GAP;
  const rgb = new Uint8Array(3 * width * SHOWN_SIDE);
  for (let at = 0; at < grey.length; at++) {
    const level = Math.round(255 * f32At(grey, at));
    const to = 3 * (Math.floor(at / SHOWN_SIDE) * width + (at % SHOWN_SIDE));
    rgb.fill(level, to, to + 3);
    const [isTruth, isPredicted] = [isEdge(truth, at), isEdge(predicted, at)];
    const colour = isTruth && isPredicted ? BOTH : isTruth ? TRUTH : isPredicted ? PREDICTED : undefined;
    rgb.set(colour ?? [level, level, level], to + 3 * (SHOWN_SIDE + GAP));
  }
  return { width, height: SHOWN_SIDE, rgb };
}

/** Whether a labelled pixel touches one that is labelled otherwise. */
function isEdge(labels: Uint8Array, at: number): boolean {
  const own = u8At(labels, at);
  if (own === 0) return false;
  const x = at % SHOWN_SIDE;
  const beside = [
    x > 0 ? labels[at - 1] : 0,
    x < SHOWN_SIDE - 1 ? labels[at + 1] : 0,
    labels[at - SHOWN_SIDE] ?? 0,
    labels[at + SHOWN_SIDE] ?? 0,
  ];
  return beside.some((other) => other !== own);
}
