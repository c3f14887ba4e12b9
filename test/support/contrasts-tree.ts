import { type Affine, affineFromColumns, type Vector, worldOf } from '../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import { writeFiles } from './write-files.ts';

export interface Grid {
  readonly shape: Vector;
  readonly affine: Affine;
}
/** 1 mm voxels in the order R, A, S, from -12 mm on. */
export const FINE: Grid = {
  shape: [24, 24, 20],
  affine: affineFromColumns(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    [-12, -12, -10],
  ),
};
/** Another scan of the same place: axes S, L, P, voxels of 2.5 x 1.5 x 1.5 mm, somewhat turned around x. */
const OTHER: Grid = {
  shape: [14, 30, 34],
  affine: affineFromColumns(
    [
      [0, -0.25, 2.49],
      [-1.5, 0, 0],
      [0, -1.49, -0.15],
    ],
    [21, 24, -12],
  ),
};

/** Of a voxel by its place in the file. */
export function indexOf({ shape: [nx, ny] }: Grid, at: number): Vector {
  return [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
}

/** What a function of places in the world shows on a grid. */
export function volume(grid: Grid, value: (world: Vector) => number): Uint8Array {
  const data = Float32Array.from({ length: grid.shape[0] * grid.shape[1] * grid.shape[2] }, (_, at) =>
    value(worldOf(grid.affine, indexOf(grid, at))),
  );
  return encodeNifti({ ...grid, data });
}

/** Of T1w a ball, of FLAIR a slope that linear interpolation gives back exactly. */
const ball = ([x, y, z]: Vector) => (Math.hypot(x, y, z) < 8 ? 100 + x : 0);
export const slope = ([x, y, z]: Vector) => 500 + 3 * x - 2 * y + 5 * z;
const label = ([x, y, z]: Vector) => (Math.hypot(x - 2, y, z) > 5 ? 0 : x > 2 ? 4 : 1);

export const MASK = 'derivatives/lesions/sub-01/anat/sub-01_desc-lesion_mask';

/** Two subjects with T1w and FLAIR, of one on two grids; a lesion mask and labels that lie elsewhere; tables. */
export function contrastsTree(root: string): Promise<string> {
  return writeFiles(root, {
    'dataset_description.json': '{"Name": "made", "BIDSVersion": "1.11.1"}',
    'participants.tsv': 'participant_id\tdiagnosis\nsub-01\till\nsub-02\twell\n',
    'participants.json': '\uFEFF{"diagnosis": {"Description": "class", "Levels": {"ill": "x", "well": "y"}}}',
    'phenotype/moca.tsv': 'participant_id\tmoca\nsub-01\t30\n',
    'phenotype/moca.json': '{"moca": {"Description": "score"}}',
    'sub-02/sub-02_sessions.tsv': 'session_id\tage\nses-1\t60\n',
    'sub-01/anat/sub-01_T1w.nii': volume(FINE, ball),
    'sub-01/anat/sub-01_FLAIR.nii': volume(OTHER, slope),
    'sub-02/ses-1/anat/sub-02_ses-1_T1w.nii': volume(FINE, ball),
    'sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii': volume(FINE, slope),
    'sessions.json': '{"age": {"Description": "in years"}}',
    'derivatives/lesions/README': `${'Lesions, drawn by hand for tests of masks on other grids. '.repeat(4)}\n`,
    'derivatives/lesions/dataset_description.json': JSON.stringify({
      Name: 'lesions',
      BIDSVersion: '1.11.1',
      DatasetType: 'derivative',
      License: 'CC0',
      Authors: ['A. One', 'B. Other'],
      GeneratedBy: [{ Name: 'hand' }],
    }),
    'derivatives/lesions/desc-lesion_mask.json':
      '{"Type": "Lesion", "Description": "1 oedema, 4 core", "SpatialReference": "orig"}',
    [`${MASK}.nii`]: volume(FINE, label),
    'derivatives/lesions/sub-01/anat/sub-01_space-MNI152_desc-lesion_mask.nii': volume(FINE, label),
    'derivatives/lesions/sub-01/ses-9/anat/sub-01_ses-9_dseg.nii': volume(FINE, label),
  });
}
