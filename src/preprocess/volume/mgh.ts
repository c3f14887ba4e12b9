import { flError } from '../../runtime/base/errors/errors.ts';
import { AXES, type Axis, affineFromColumns, type Vector } from '../nifti/affine.ts';
import { DATATYPES, type Datatype } from '../nifti/datatype.ts';
import { gunzipHead, isGzip } from '../nifti/gzip.ts';
import { checkAffine, checkSizes, headerFault, type StoredVolume } from './stored-volume.ts';

/** Voxels begin behind a header of fixed length. */
const HEADER_BYTES = 284;

/** MRI_UCHAR, MRI_INT, MRI_FLOAT, MRI_SHORT, MRI_USHRT, by codes of NIfTI. */
const TYPES: ReadonlyMap<number, number> = new Map([
  [0, 2],
  [1, 8],
  [3, 16],
  [4, 4],
  [10, 512],
]);

/**
 * The header of a FreeSurfer volume, .mgh or .mgz (https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat): big-endian, 284 bytes,
 * the position of the middle voxel in place of the first.
 * @throws NF_VOLUME_*, NF_NIFTI_GZIP_*
 */
export async function parseMgh(bytes: Uint8Array, file: string): Promise<StoredVolume> {
  const packing = isGzip(bytes) ? 'gzip' : 'none';
  const head = packing === 'gzip' ? await gunzipHead(bytes, HEADER_BYTES, file) : bytes;
  if (head.length < HEADER_BYTES) throw headerFault(file, `${head.length} bytes, where 284 are needed`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getInt32(0) !== 1) throw headerFault(file, 'another version than 1');
  const shape = checkSizes(
    [4, 8, 12, 16].map((at) => view.getInt32(at)),
    file,
  );
  const type = typeOf(view.getInt32(20), file);
  return {
    shape,
    type,
    littleEndian: false,
    packing,
    skip: HEADER_BYTES,
    hasTail: true,
    affine: affineOf(view, shape, file),
  };
}

function typeOf(code: number, file: string): Datatype {
  const type = DATATYPES.get(TYPES.get(code) ?? -1);
  if (type) return type;
  throw flError(
    'NF_VOLUME_UNSUPPORTED',
    { file, what: `voxels of the type ${code} of FreeSurfer` },
    { place: { file } },
  );
}

/** Without a position the volume is coronal, as FreeSurfer has it. */
const CORONAL: readonly [Vector, Vector, Vector] = [
  [-1, 0, 0],
  [0, 0, -1],
  [0, 1, 0],
];

function affineOf(view: DataView, shape: StoredVolume['shape'], file: string) {
  const isPlaced = view.getInt16(28) > 0;
  const vector = (at: number): Vector => [
    view.getFloat32(at),
    view.getFloat32(at + 4),
    view.getFloat32(at + 8),
  ];
  const sizes = isPlaced ? vector(30) : ([1, 1, 1] as const);
  const directions = isPlaced ? ([vector(42), vector(54), vector(66)] as const) : CORONAL;
  const middle = isPlaced ? vector(78) : ([0, 0, 0] as const);
  const column = (axis: Axis): Vector => {
    const [x, y, z] = directions[axis];
    return [x * sizes[axis], y * sizes[axis], z * sizes[axis]];
  };
  const columns = [column(0), column(1), column(2)] as const;
  const first = (world: Axis) =>
    AXES.reduce((sum, axis) => sum - columns[axis][world] * (shape[axis] / 2), middle[world]);
  return checkAffine(affineFromColumns(columns, [first(0), first(1), first(2)]), file);
}
