import { type Affine, centredAffine, type Vector, worldOf } from '../../src/preprocess/nifti/affine.ts';
import { createRandom } from '../../src/runtime/base/random.ts';
import type { Natural } from './made-dicom.ts';

/** What lies at a place of the made head. */
export type Tissue = 'air' | 'skin' | 'bone' | 'brain' | 'face';

/** Half the lengths of the brain, and how thick what lies around it is, in mm. */
const BRAIN: Vector = [66, 84, 62];
const [BONE_MM, SKIN_MM] = [5, 11];
const VALUES: Readonly<Record<Tissue, number>> = { air: 4, skin: 900, bone: 60, brain: 600, face: 700 };

/** Right, anterior and superior of the middle of the brain, in mm: a brain in bone and skin, a face before and below it, a neck below. */
export function tissueAt([x, y, z]: Vector): Tissue {
  const share = Math.hypot(x / BRAIN[0], y / BRAIN[1], z / BRAIN[2]);
  const outside = (share - 1) * Math.hypot(x, y, z) * (share > 0 ? 1 / share : 0);
  if (outside <= 0) return 'brain';
  if (outside <= BONE_MM) return 'bone';
  if ((x / 55) ** 4 + ((y - 58) / 44) ** 4 + ((z + 70) / 45) ** 4 <= 1) return 'face';
  if (Math.hypot(x / 10, (y - 104) / 16, (z + 52) / 16) <= 1) return 'face';
  if (outside <= SKIN_MM) return 'skin';
  return z < -40 && Math.hypot(x, y + 20) < 52 ? 'skin' : 'air';
}

export interface MadeHead {
  readonly shape: Vector;
  readonly affine: Affine;
  readonly data: Int16Array;
}

/** The head in voxels of a grid, with a little noise of a seed. */
export function madeHead({
  seed = 1,
  voxel = [5, 5, 5],
  shape = [38, 52, 44],
  affine = centredAffine(shape, voxel),
  factor = () => 1,
}: {
  readonly seed?: number;
  readonly voxel?: Vector;
  readonly shape?: Vector;
  readonly affine?: Affine;
  /** What the values of a tissue are multiplied by. */
  readonly factor?: (tissue: Tissue, place: Vector) => number;
} = {}): MadeHead {
  const random = createRandom('made-head', seed);
  const data = new Int16Array(shape[0] * shape[1] * shape[2]);
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at++) {
        const place = inHead(worldOf(affine, [i, j, k]));
        const tissue = tissueAt(place);
        data[at] = Math.round(VALUES[tissue] * factor(tissue, place) * (0.95 + 0.1 * random.next()));
      }
  return { shape, affine, data };
}

/** The middle of the brain lies above and behind that of the volume, so that face and neck fit in. */
export function inHead([x, y, z]: Vector): Vector {
  return [x, y + 12, z - 28];
}

/** Voxels of a mask by what lies there. */
export function tissuesIn(
  mask: Uint8Array,
  { shape, affine }: Pick<MadeHead, 'shape' | 'affine'>,
): Record<Tissue, number> {
  const counts = { air: 0, skin: 0, bone: 0, brain: 0, face: 0 };
  for (let k = 0, at = 0; k < shape[2]; k++)
    for (let j = 0; j < shape[1]; j++)
      for (let i = 0; i < shape[0]; i++, at++)
        if (mask[at]) counts[tissueAt(inHead(worldOf(affine, [i, j, k])))]++;
  return counts;
}

/** Of the DICOM files of a head: what all slices have, and each. Columns go to the left, rows to the back. */
export function headSlices({ shape: [columns, rows, slices], affine, data }: MadeHead): {
  readonly slices: number;
  readonly values: Natural;
  readonly each: (index: number) => Natural;
} {
  const [dx, dy] = [affine[0][0], affine[1][1]];
  const values = {
    Rows: rows,
    Columns: columns,
    PixelSpacing: [String(dy), String(dx)],
  };
  const each = (index: number) => {
    const [x, y, z] = worldOf(affine, [columns - 1, rows - 1, index]);
    const slice = data.slice(index * columns * rows, (index + 1) * columns * rows).reverse();
    return { ImagePositionPatient: [-x, -y, z].map(String), PixelData: Uint16Array.from(slice).buffer };
  };
  return { slices, values, each };
}
