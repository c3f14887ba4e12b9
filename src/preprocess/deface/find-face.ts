import { inverseOf } from '../nifti/affine.ts';
import { findWindow } from '../picture/intensity.ts';
import { findHead } from '../preparation/head-mask.ts';
import { boxOf, contentOf, isSized, skullOf } from './brain-shape.ts';
import { START_RADIUS_MM, startIn } from './brain-start.ts';
import { BrainSurface } from './brain-surface.ts';
import { type FacePlane, isBrains, planeOf, type Support, supportsOf } from './face-planes.ts';
import { depthInVolume, type HeadGrid, headGrid, type PlacedVolume } from './head-grid.ts';

/** Edge in mm of the cubes in which a head is looked for: sulci blur, the rim of bone and fluid does not. */
const CUBE_MM = 3;
/** Fractions of the local brightness, from the tightest surface to the widest. */
const [TIGHTEST, WIDEST, FINER] = [0.85, 0.45, 0.025];
const [FIRST_STEPS, MORE_STEPS] = [500, 75];
/** Thickness of skull and scalp: under the first the surface lies at the skull; over the second it lies in the brain. */
const [SKULL_MM, THICKEST_SKULL_MM] = [15, 20];
/** A surface that comes no nearer to the skin than this by one step has settled. */
const SETTLED_MM = 2;

/** Why no face is looked for in a volume. */
export type NoHead = 'blank' | 'too_large' | 'no_brain' | 'cut';

export interface Face {
  readonly planes: readonly FacePlane[];
  /** Content of the surface that was taken for the brain's. */
  readonly brainMl: number;
}

/**
 * The planes that part the face from the brain. Quickshear (Schimke and Hale, "Quickshear defacing for neuroimages", 2011) cuts along one plane under
 * the profile of the brain; here all planes that touch the profile from the front and below are used, so that what is removed hangs on no single edge.
 * The brain's surface is blown up until what lies above it is as thick as skull and scalp, or until it would have no brain's size and shape.
 * Front and below are those of the header.
 */
export function findFace(volume: PlacedVolume): Face | NoHead {
  const grid = headGrid(volume, CUBE_MM);
  if (!grid) return 'too_large';
  const head = findHead(grid);
  const window = findWindow(grid.data);
  const start = head && startIn(grid, head);
  if (!window || !start) return 'blank';
  const surface = new BrainSurface(grid, { ...start, radius: START_RADIUS_MM });
  const brain = widestBrain(surface, grid, window.threshold / 2);
  if (!brain) return 'no_brain';
  const toIndex = inverseOf(volume.affine);
  const isCut = brain.supports.some(({ point }) => depthInVolume(volume, toIndex, point) < 0);
  return isCut ? 'cut' : { planes: brain.supports.map(planeOf), brainMl: brain.ml };
}

interface Brain {
  readonly ml: number;
  readonly supports: readonly Support[];
  readonly skull: number;
}

function widestBrain(surface: BrainSurface, grid: HeadGrid, air: number): Brain | undefined {
  let last: Brain | undefined;
  for (let fraction = TIGHTEST; fraction > WIDEST - FINER / 2; fraction -= FINER) {
    surface.grow(fraction === TIGHTEST ? FIRST_STEPS : MORE_STEPS, fraction);
    const { mesh } = surface;
    const box = boxOf(mesh);
    const ml = contentOf(mesh) / 1000;
    const supports = supportsOf(mesh, box);
    const before: Brain | undefined = last;
    if (isSized(box, ml) && isBrains(supports)) last = { ml, supports, skull: skullOf(mesh, grid, air) };
    // Before it is as large as a brain it may have any shape.
    else if (last) break;
    if (before && last && last.skull <= SKULL_MM && before.skull - last.skull <= SETTLED_MM) break;
  }
  return last && last.skull <= THICKEST_SKULL_MM ? last : undefined;
}
