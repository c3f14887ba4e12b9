import { type NIFTI1, readHeader } from 'nifti-reader-js';
import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import { NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { type Affine, type Axis, affineFromColumns, determinant, type Vector, voxelSize } from './affine.ts';
import { DATATYPES, type Datatype, refusedName } from './datatype.ts';
import { affineFromQForm } from './quaternion.ts';

/** Header of 348 bytes and the four bytes that announce extensions. */
export const HEADER_BYTES = 352;
/** A voxel in memory: float32. */
const FLOAT_BYTES = 4;

export interface NiftiHeader {
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
  readonly affine: Affine;
  readonly affineSource: 'sform' | 'qform' | 'pixdim';
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
  const offset = fields.vox_offset;
  if (!Number.isInteger(offset) || offset < HEADER_BYTES || offset > DATA_LIMITS.table_bytes.most) {
    throw fault('NF_NIFTI_OFFSET', file, { offset });
  }
  const dataBytes = voxels * type.size;
  const { most } = DATA_LIMITS.image_bytes;
  const bytes = Math.max(dataBytes, voxels * FLOAT_BYTES);
  if (bytes > most) throw fault('NF_NIFTI_TOO_LARGE', file, { voxels, bytes, most });
  return {
    shape,
    dtype: type.name,
    littleEndian,
    offset,
    dataBytes,
    ...checkScaling(fields, file),
    ...checkAffine(fields, file),
    units: (['unknown', 'm', 'mm', 'um'] as const)[fields.xyzt_units & 7] ?? 'unknown',
    description: fields.description.replace(/\0.*$/s, ''),
  };
}

/** Bytes of an image while it is decoded: as it is stored, and as float32. */
export function neededBytes({ offset, shape, dataBytes }: NiftiHeader): number {
  return offset + dataBytes + FLOAT_BYTES * shape.reduce((product, size) => product * size, 1);
}

/** Extensions lie between the header and the voxels, each a multiple of 16 bytes long (nifti1.h, "EXTENDED HEADER"). */
export function checkExtensions(bytes: Uint8Array, header: NiftiHeader, file: string): void {
  if (bytes[348] === 0) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = HEADER_BYTES; at < header.offset; ) {
    const size = at + 8 <= header.offset ? view.getInt32(at, header.littleEndian) : 0;
    if (size < 16 || size % 16 !== 0 || at + size > header.offset) {
      throw fault('NF_NIFTI_EXTENSION', file, { size, at });
    }
    at += size;
  }
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

/** sform if its code is set, else qform, else the voxel sizes alone (nifti1.h, methods 3, 2, 1). */
function checkAffine(fields: NIFTI1, file: string): Pick<NiftiHeader, 'affine' | 'affineSource'> {
  const affineSource = fields.sform_code > 0 ? 'sform' : fields.qform_code > 0 ? 'qform' : 'pixdim';
  const affine = { sform: sformOf, qform: qformOf, pixdim: pixdimOf }[affineSource](fields);
  if (!affine.flat().every(Number.isFinite)) {
    const what = 'holds values that are NaN or infinite, or voxel sizes that are not positive';
    throw fault('NF_NIFTI_AFFINE', file, { source: affineSource, what });
  }
  const volume = voxelSize(affine).reduce((product, size) => product * size, 1);
  // Relative to the box spanned by the axes, so that micrometre voxels pass and parallel axes do not.
  if (!(volume > 0) || Math.abs(determinant(affine)) < 1e-4 * volume) {
    throw fault('NF_NIFTI_AFFINE', file, { source: affineSource, what: 'cannot be inverted' });
  }
  return { affine, affineSource };
}

function sformOf(fields: NIFTI1): Affine {
  const at = (row: Axis, to: Axis | 3) => fields.affine[row]?.[to] ?? Number.NaN;
  const columnOf = (to: Axis | 3) => [at(0, to), at(1, to), at(2, to)] as const;
  return affineFromColumns([columnOf(0), columnOf(1), columnOf(2)], columnOf(3));
}

function qformOf(fields: NIFTI1): Affine {
  const { quatern_b: b, quatern_c: c, quatern_d: d } = fields;
  const offset = [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z] as const;
  const qfac = (fields.pixDims[0] ?? 0) < 0 ? -1 : 1;
  return affineFromQForm({ b, c, d, qfac, pixdim: pixdimsOf(fields), offset });
}

function pixdimOf(fields: NIFTI1): Affine {
  return affineFromQForm({ b: 0, c: 0, d: 0, qfac: 1, pixdim: pixdimsOf(fields), offset: [0, 0, 0] });
}

/** A voxel size must be positive; NaN makes the affine fail its check. */
function pixdimsOf(fields: NIFTI1): Vector {
  const size = (axis: Axis) => {
    const value = fields.pixDims[axis + 1] ?? 0;
    return value > 0 ? value : Number.NaN;
  };
  return [size(0), size(1), size(2)];
}

function fault(code: ErrorCode, file: string, params: Record<string, string | number> = {}): NeuroflareError {
  return new NeuroflareError(code, { file, ...params }, { place: { file } });
}
