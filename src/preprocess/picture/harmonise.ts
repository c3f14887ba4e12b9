import { f32At, f64At, numberAt } from '../../runtime/base/at.ts';
import { applyKnots, knotsOf, type Landmarks, landmarksOf } from '../preparation/landmarks.ts';
import type { Picture } from './picture-cache.ts';

/**
 * What takes a scanner out of the pictures of an image: a rising curve of its greys, and black in place of the noise of air. The same is done
 * with all pixels, so that it leaves no mark anywhere in a picture by which its site could be told.
 */
export interface PictureHarmony {
  /** Names it among others: pictures are kept by it. */
  readonly id: string;
  /** Where the landmarks of an image come to lie, in greys: at these, or where a straight line for each of them leads. */
  readonly goal:
    | { readonly greys: readonly number[] }
    | { readonly gain: readonly number[]; readonly offset: readonly number[] };
}

/** Greys over it are tissue, as where a picture is standardised. */
export const TISSUE = 12;
/** Greys of the two ends of a scale: the first stays tissue, the last leaves room for what is brighter. */
const [DARK, BRIGHT] = [TISSUE + 1, 250];
const GREYS = 256;

/** Where a scale from 0 to 100 lies in greys. */
export function greysOfScale(scale: Landmarks): number[] {
  return scale.map((value) => DARK + (value / 100) * (BRIGHT - DARK));
}

/** Of the tissue in all pictures of an image, in whole greys; undefined where it is all of one grey. */
export function tissueLandmarks(pictures: readonly Picture[]): Landmarks | undefined {
  return landmarksOf(
    Float32Array.from(pictures.flatMap((picture) => [...picture.filter((grey) => grey > TISSUE)])),
  );
}

/** The pictures of an image, as they would be from one scanner for all. */
export function harmonise(pictures: readonly Picture[], { goal }: PictureHarmony): Picture[] {
  const landmarks = tissueLandmarks(pictures);
  if (!landmarks) return pictures.map((picture) => picture.slice());
  const goals =
    'greys' in goal
      ? goal.greys
      : landmarks.map((grey, at) => numberAt(goal.gain, at) * grey + numberAt(goal.offset, at));
  const table = greyTable(landmarks, goals);
  return pictures.map((picture) => picture.map((grey) => Math.round(f32At(table, grey))));
}

/**
 * What each grey becomes: tissue stays tissue, and no two greys of it change their order. What is darker is air, whose noise is the scanner's,
 * and becomes black.
 */
function greyTable(landmarks: Landmarks, goals: readonly number[]): Float32Array {
  const { from, to } = knotsOf(landmarks, goals);
  let least: number = DARK;
  const rising = to.map((grey) => {
    least = Math.min(GREYS - 1, Math.max(least, grey));
    return least;
  });
  const greys = Float32Array.from({ length: GREYS }, (_, grey) => grey);
  const knots = { from: Float64Array.of(TISSUE, ...from), to: Float64Array.of(TISSUE, ...rising) };
  const table = applyKnots(greys, knots);
  // What is brighter than the last landmark keeps its distance to white.
  const [end, shown] = [f64At(from, from.length - 1), f64At(rising, rising.length - 1)];
  return table.map((value, grey) => {
    if (grey <= TISSUE) return 0;
    const bright = shown + ((grey - end) / (GREYS - 1 - end)) * (GREYS - 1 - shown);
    return Math.min(GREYS - 1, Math.max(DARK, grey > end ? bright : value));
  });
}
