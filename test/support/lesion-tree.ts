import { type Affine, centredAffine } from '../../src/preprocess/nifti/affine.ts';
import { reorient } from '../../src/preprocess/nifti/orient.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../src/runtime/base/random.ts';
import { tsv } from './bids-tree.ts';
import { writeFiles } from './write-files.ts';

export type Shape = readonly [number, number, number];

export interface LesionSubject {
  readonly id: string;
  readonly partition: string;
  /** Centre and radius of a bright ball in the head, in voxels of RAS; left out: none. */
  readonly lesion?: { readonly at: Shape; readonly radius: number };
  /** In which the files are stored; default RAS. */
  readonly orientation?: string;
}

export interface LesionTree {
  readonly shape: Shape;
  /** Suffixes of the images of each subject. Default T1w. */
  readonly suffixes?: readonly string[];
  /** Value of the lesion in the masks. Default 1. */
  readonly value?: number;
}

/** Heads of noise with balls in them, and their masks in derivatives/lesions. */
export async function writeLesionTree(
  root: string,
  subjects: readonly LesionSubject[],
  { shape, suffixes = ['T1w'], value = 1 }: LesionTree,
): Promise<string> {
  const affine = centredAffine(shape, [1, 1, 1]);
  const files: Record<string, string | Uint8Array> = {
    'dataset_description.json': '{"Name": "made", "BIDSVersion": "1.11.1"}',
    'participants.tsv': tsv(
      ['participant_id', 'diagnosis', 'partition'],
      ...subjects.map(({ id, partition, lesion }) => [id, lesion ? 'ill' : 'well', partition]),
    ),
  };
  for (const subject of subjects) {
    const place = `${subject.id}/anat/${subject.id}`;
    for (const [channel, suffix] of suffixes.entries())
      files[`${place}_${suffix}.nii`] = stored(headOf(subject, shape, channel), { shape, affine, subject });
    files[`derivatives/lesions/${place}_desc-lesion_mask.nii`] = stored(
      ballOf(subject, shape).map((inside) => inside * value),
      { shape, affine, subject },
    );
  }
  await writeFiles(root, files);
  return root;
}

function stored(
  data: Float32Array | Uint8Array,
  { shape, affine, subject }: { shape: Shape; affine: Affine; subject: LesionSubject },
): Uint8Array {
  const turned = reorient({ shape, data, affine }, subject.orientation ?? 'RAS');
  const [x = 1, y = 1, z = 1] = turned.shape;
  return encodeNifti({ shape: [x, y, z], data: turned.data, affine: turned.affine });
}

/** 1 in the ball. */
function ballOf({ lesion }: LesionSubject, shape: Shape): Uint8Array {
  return Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, at) => {
    if (!lesion) return 0;
    const place = placeOf(at, shape);
    return Math.hypot(...place.map((one, axis) => one - (lesion.at[axis] ?? 0))) <= lesion.radius ? 1 : 0;
  });
}

function headOf(subject: LesionSubject, shape: Shape, channel: number): Float32Array {
  const random = createRandom('lesion-tree', subject.id, channel);
  const ball = ballOf(subject, shape);
  return Float32Array.from(ball, (inside, at) => {
    const place = placeOf(at, shape);
    const away = Math.hypot(...place.map((one, axis) => (2 * one) / ((shape[axis] ?? 2) - 1) - 1));
    const noise = 8 * random.next();
    return shape[2] > 1 && away > 1.2 ? noise : 100 + 3 * noise + (inside ? 120 : 0);
  });
}

function placeOf(at: number, [nx, ny]: Shape): Shape {
  return [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
}
