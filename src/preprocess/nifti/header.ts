import { type NIFTI1, readHeader } from 'nifti-reader-js';
import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import { NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { type Axis, determinant, type Row, type Vector, voxelSize } from './affine.ts';
import { DATATYPES, type Datatype, refusedName } from './datatype.ts';
import { type Forms, type Oddity, type Position, positionOf } from './forms.ts';

/** Header of 348 bytes and the four bytes that announce extensions. */
export const HEADER_BYTES = 352;
/** A voxel in memory: float32. */
const FLOAT_BYTES = 4;

export interface NiftiHeader extends Position {
  /** As in `dim[1..dim[0]]`: trailing ones are kept. */
  readonly shape: readonly number[];
  readonly dtype: Datatype['name'];
  readonly littleEndian: boolean;
  /** Where the voxels start and how many bytes they are. */
  readonly offset: number;
  readonly dataBytes: number;
  /** Stored value x slope + intercept; 1 and 0 where the header asks for no scaling. */
  readonly slope: number;
  readonly intercept: number;
  readonly units: 'unknown' | 'm' | 'mm' | 'um';
  readonly description: string;
}

/**
 * Reads the first 352 bytes of a NIfTI-1 file, trusting none of them: every field that is used later is checked here,
 * and nifti-reader-js sees the bytes only after length, magic and byte order were found right. `file` names the place.
 *
 * Source: nifti1.h (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h).
 * @throws NeuroflareError NF_NIFTI_*
 */
export function parseHeader(head: Uint8Array, file: string): NiftiHeader {
  const littleEndian = checkMagic(head, file);
  const fields = fieldsOf(head, littleEndian);
  const shape = checkShape(fields, file);
  const type = checkDatatype(fields, file);
  const voxels = shape.reduce((product, size) => product * size, 1);
  // A single file without an offset has its voxels right behind the header, as nibabel reads it.
  const offset = fields.vox_offset === 0 ? HEADER_BYTES : fields.vox_offset;
  if (!Number.isInteger(offset) || offset < HEADER_BYTES || offset > DATA_LIMITS.table_bytes.most) {
    throw fault('NF_NIFTI_OFFSET', file, { offset });
  }
  const dataBytes = voxels * type.size;
  const { most } = DATA_LIMITS.image_bytes;
  const bytes = Math.max(dataBytes, voxels * FLOAT_BYTES);
  if (bytes > most) throw fault('NF_NIFTI_TOO_LARGE', file, { voxels, bytes, most });
  const position = checkPosition(positionOf(formsOf(head, fields, littleEndian)), file);
  const unset: Oddity[] = fields.vox_offset === 0 ? [{ code: 'NF_CHECK_OFFSET', params: {} }] : [];
  return {
    ...position,
    oddities: [...unset, ...position.oddities],
    shape,
    dtype: type.name,
    littleEndian,
    offset,
    dataBytes,
    ...checkScaling(fields, file),
    units: (['unknown', 'm', 'mm', 'um'] as const)[fields.xyzt_units & 7] ?? 'unknown',
    description: fields.description.replace(/\0.*$/s, ''),
  };
}

/** Bytes of an image while it is decoded: as it is stored, and as float32. */
export function neededBytes({ offset, shape, dataBytes }: NiftiHeader): number {
  return offset + dataBytes + FLOAT_BYTES * shape.reduce((product, size) => product * size, 1);
}

/**
 * Extensions lie between the header and the voxels, each a multiple of 16 bytes long (nifti1.h, "EXTENDED HEADER"). Nothing in them is used, so
 * sizes that lead to the voxels pass, and zeros behind the last one.
 * @throws NF_NIFTI_EXTENSION where a size leads beyond the voxels' place, or back
 */
export function checkExtensions(bytes: Uint8Array, header: NiftiHeader, file: string): Oddity[] {
  if (bytes[348] === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const odd: string[] = [];
  for (let at = HEADER_BYTES; at < header.offset; ) {
    const rest = bytes.subarray(at, header.offset);
    if (rest.every((byte) => byte === 0)) {
      odd.push(`${rest.length} zeros follow its last extension`);
      break;
    }
    const size = rest.length >= 8 ? view.getInt32(at, header.littleEndian) : 0;
    if (size < 8 || at + size > header.offset) throw fault('NF_NIFTI_EXTENSION', file, { size, at });
    if (size % 16 !== 0) odd.push(`the size ${size} of an extension is no multiple of 16`);
    at += size;
  }
  const [what] = odd;
  return what === undefined ? [] : [{ code: 'NF_CHECK_EXTENSION', params: { what } }];
}

/**
 * Without the four extension bytes the library does not follow extension sizes; with the qform's code cleared it gives
 * the sform, where there is one.
 */
function fieldsOf(head: Uint8Array, littleEndian: boolean): NIFTI1 {
  // Of a Buffer, slice would share the memory of the whole file.
  const copy = new Uint8Array(head.subarray(0, 348));
  const hasSform = new DataView(copy.buffer).getInt16(254, littleEndian) > 0;
  if (hasSform) copy.fill(0, 252, 254);
  return readHeader(copy.buffer) as NIFTI1;
}

/** Whether a file begins as NIfTI does, of either version. */
export function isNifti(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
  return [348, 540].some((size) => view.getInt32(0, true) === size || view.getInt32(0, false) === size);
}

/** Byte order from `sizeof_hdr`; true for little-endian. */
function checkMagic(head: Uint8Array, file: string): boolean {
  if (head.length < HEADER_BYTES) throw fault('NF_NIFTI_HEADER_SHORT', file, { bytes: head.length });
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const sizes = [view.getInt32(0, true), view.getInt32(0, false)];
  if (sizes.includes(540)) throw fault('NF_NIFTI_VERSION_2', file);
  if (!sizes.includes(348)) {
    throw fault('NF_NIFTI_MAGIC', file, { found: 'it does not start with the header size 348' });
  }
  const magic = String.fromCharCode(...head.subarray(344, 348));
  if (magic === 'ni1\0') throw fault('NF_NIFTI_PAIR', file);
  if (magic !== 'n+1\0')
    throw fault('NF_NIFTI_MAGIC', file, { found: `its magic is ${JSON.stringify(magic)}` });
  return sizes[0] === 348;
}

function checkShape(fields: NIFTI1, file: string): number[] {
  const [rank = 0, ...sizes] = fields.dims;
  if (rank < 1 || rank > 7)
    throw fault('NF_NIFTI_DIMENSIONS', file, { what: `dim[0] is ${rank}, not 1 to 7` });
  const shape = sizes.slice(0, rank);
  const bad = shape.findIndex((size) => size < 1);
  if (bad !== -1) throw fault('NF_NIFTI_DIMENSIONS', file, { what: `dim[${bad + 1}] is ${shape[bad]}` });
  return shape;
}

function checkDatatype(fields: NIFTI1, file: string): Datatype {
  const type = DATATYPES.get(fields.datatypeCode);
  if (!type) throw fault('NF_NIFTI_DATATYPE', file, { name: refusedName(fields.datatypeCode) });
  const { numBitsPerVoxel: bitpix } = fields;
  if (bitpix !== type.size * 8) {
    throw fault('NF_NIFTI_BITPIX', file, { bitpix, name: type.name, expected: type.size * 8 });
  }
  return type;
}

/** Slope 0 means no scaling (nifti1.h); NaN is taken the same way, since some writers leave it there. */
function checkScaling(fields: NIFTI1, file: string): { slope: number; intercept: number } {
  const { scl_slope: slope, scl_inter: intercept } = fields;
  if (slope === 0 || Number.isNaN(slope)) return { slope: 1, intercept: 0 };
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) {
    throw fault('NF_NIFTI_SCALING', file, { slope, intercept });
  }
  return { slope, intercept };
}

/** @throws NF_NIFTI_AFFINE where the affine cannot be used */
function checkPosition(position: Position, file: string): Position {
  const { affine, affineSource: source } = position;
  if (!affine.flat().every(Number.isFinite)) {
    throw fault('NF_NIFTI_AFFINE', file, { source, what: 'holds values that are NaN or infinite' });
  }
  const volume = voxelSize(affine).reduce((product, size) => product * size, 1);
  // Relative to the box spanned by the axes, so that micrometre voxels pass and parallel axes do not.
  if (!(volume > 0) || Math.abs(determinant(affine)) < 1e-4 * volume) {
    throw fault('NF_NIFTI_AFFINE', file, { source, what: 'cannot be inverted' });
  }
  return position;
}

function formsOf(head: Uint8Array, fields: NIFTI1, littleEndian: boolean): Forms {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const row = (axis: Axis): Row => {
    const at = (to: Axis | 3) => fields.affine[axis]?.[to] ?? Number.NaN;
    return [at(0), at(1), at(2), at(3)];
  };
  const triple = (from: readonly number[], first: number, missing: number): Vector => {
    const at = (axis: Axis) => from[first + axis] ?? missing;
    return [at(0), at(1), at(2)];
  };
  const [rank = 0, ...sizes] = fields.dims;
  return {
    shape: triple(sizes.slice(0, rank), 0, 1),
    sformCode: view.getInt16(254, littleEndian),
    qformCode: view.getInt16(252, littleEndian),
    sform: [row(0), row(1), row(2), [0, 0, 0, 1]],
    quaternion: [fields.quatern_b, fields.quatern_c, fields.quatern_d],
    qoffset: [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z],
    qfac: fields.pixDims[0] ?? 1,
    pixdim: triple(fields.pixDims, 1, Number.NaN),
  };
}

function fault(code: ErrorCode, file: string, params: Record<string, string | number> = {}): NeuroflareError {
  return new NeuroflareError(code, { file, ...params }, { place: { file } });
}
