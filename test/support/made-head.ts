import {
  type Affine,
  centredAffine,
  inverseOf,
  type Vector,
  worldOf,
} from '../../src/preprocess/nifti/affine.ts';
import type { Scan } from '../../src/preprocess/preparation/scan.ts';
import { createRandom } from '../../src/runtime/base/random.ts';

const HALF_AXES: Vector = [36, 44, 34];
const random = createRandom('made head');
const within = (axis: number) => (random.next() - 0.5) * 1.4 * axis;
/** Folds of the brain: unlike on the left and on the right, so that there is one way to lie. */
const FOLDS = Array.from({ length: 40 }, () => ({
  middle: [within(HALF_AXES[0]), within(HALF_AXES[1]), within(HALF_AXES[2])] as const,
  width: 4 + 4 * random.next(),
  height: 60 * (random.next() - 0.5),
}));

/** What tissue a place in mm shows, 0 to about 130: air, skin, bone, brain. */
function tissueAt([x, y, z]: Vector): number {
  const far = (x / HALF_AXES[0]) ** 2 + (y / HALF_AXES[1]) ** 2 + (z / HALF_AXES[2]) ** 2;
  if (far > 1) return 0;
  if (far > 0.78) return 70;
  if (far > 0.64) return 20;
  let tissue = 90;
  for (const { middle, width, height } of FOLDS) {
    const away = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2;
    if (away < 9 * width ** 2) tissue += height * Math.exp(-away / width ** 2);
  }
  return tissue;
}

/** A motion of a head that nods. */
export const NODDING: Affine = [
  [0.98, 0.1, 0.02, 5],
  [-0.09, 0.93, -0.3, -8],
  [-0.05, 0.29, 0.93, 6],
  [0, 0, 0, 1],
];

export interface MadeHead {
  /** From a place of the head that is not moved. */
  readonly matrix?: Affine;
  readonly shape?: Vector;
  readonly voxel?: Vector;
  /** What a scanner makes of a tissue. */
  readonly shown?: (tissue: number) => number;
}

/** A head of 88 mm, moved exactly: it is drawn where it lies, and not resampled. */
export function madeHead({
  matrix,
  shape = [32, 36, 30],
  voxel = [3, 3, 3],
  shown = (tissue) => tissue,
}: MadeHead = {}): Scan {
  const affine = centredAffine(shape, voxel);
  const back = matrix && inverseOf(matrix);
  const noise = createRandom('noise', ...shape);
  const data = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) => {
    const index: Vector = [
      at % shape[0],
      Math.floor(at / shape[0]) % shape[1],
      Math.floor(at / (shape[0] * shape[1])),
    ];
    const world = worldOf(affine, index);
    return shown(tissueAt(back ? worldOf(back, world) : world)) + noise.next();
  });
  return { shape, data, affine };
}
