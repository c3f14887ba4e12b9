import type { ErrorCode } from '../../runtime/base/errors/catalog.ts';
import { NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import {
  type Affine,
  type Axis,
  determinant,
  type Row,
  scaledAffine,
  type Vector,
  voxelSize,
} from './affine.ts';
import { DATATYPES, type Datatype, refusedName } from './datatype.ts';
import {
  fieldsOfVersion1,
  fieldsOfVersion2,
  type NiftiFields,
  type NiftiVersion,
  VERSIONS,
} from './fields.ts';
import { type Forms, type Oddity, type Position, positionOf } from './forms.ts';

/** The longer of both headers. */
export const HEADER_BYTES = VERSIONS[2].bytes;
/** A voxel in memory: float32. */
const FLOAT_BYTES = 4;

export interface NiftiHeader extends Position {
  /** As in `dim[1..dim[0]]`: trailing ones are kept. */
  readonly shape: readonly number[];
  readonly dtype: Datatype['name'];
  readonly littleEndian: boolean;
  /** Of the header, with the four bytes that announce extensions. */
  readonly headerBytes: number;
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
 * Reads the header of a NIfTI-1 or NIfTI-2 file, trusting none of its bytes: every field that is used later is checked here,
 * and nifti-reader-js sees them only after length, magic and byte order were found right. `file` names the place.
 *
 * Source: nifti1.h, nifti2.h (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h).
 * @throws NeuroflareError NF_NIFTI_*
 */
export function parseHeader(head: Uint8Array, file: string): NiftiHeader {
  const { version, littleEndian } = checkMagic(head, file);
  const fields = (version === 1 ? fieldsOfVersion1 : fieldsOfVersion2)(head, littleEndian);
  const headerBytes = VERSIONS[version].bytes;
  const shape = checkShape(fields, file);
  const type = checkDatatype(fields, file);
  const voxels = shape.reduce((product, size) => product * size, 1);
  // A single file without an offset has its voxels right behind the header, as nibabel reads it.
  const offset = fields.vox_offset === 0 ? headerBytes : fields.vox_offset;
  if (!Number.isInteger(offset) || offset < headerBytes || offset > DATA_LIMITS.table_bytes.most) {
    throw fault('NF_NIFTI_OFFSET', file, { offset });
  }
  const dataBytes = voxels * type.size;
  const { most } = DATA_LIMITS.image_bytes;
  const bytes = Math.max(dataBytes, voxels * FLOAT_BYTES);
  if (bytes > most) throw fault('NF_NIFTI_TOO_LARGE', file, { voxels, bytes, most });
  const position = checkPosition(positionOf(formsOf(fields)), file);
  const unset: Oddity[] = fields.vox_offset === 0 ? [{ code: 'NF_CHECK_OFFSET', params: {} }] : [];
  return {
    ...position,
    oddities: [...unset, ...position.oddities],
    shape,
    dtype: type.name,
    littleEndian,
    headerBytes,
    offset,
    dataBytes,
    ...checkScaling(fields, file),
    units: (['unknown', 'm', 'mm', 'um'] as const)[fields.xyzt_units & 7] ?? 'unknown',
    description: fields.description.replace(/\0.*$/s, ''),
  };
}

/** The affine in millimetres, whatever the unit of the header; one that names none is taken to mean them. */
export function millimetres({ affine, units }: Pick<NiftiHeader, 'affine' | 'units'>): Affine {
  return scaledAffine(affine, { unknown: 1, mm: 1, m: 1000, um: 0.001 }[units]);
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
  if (bytes[header.headerBytes - 4] === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const odd: string[] = [];
  for (let at = header.headerBytes; at < header.offset; ) {
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

/** Whether a file begins as NIfTI does, of either version. */
export function isNifti(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
  return [348, 540].some((size) => view.getInt32(0, true) === size || view.getInt32(0, false) === size);
}

interface Form {
  readonly version: NiftiVersion;
  readonly littleEndian: boolean;
}

/** Version and byte order from `sizeof_hdr`, which must fit the magic. */
function checkMagic(head: Uint8Array, file: string): Form {
  if (head.length < VERSIONS[1].bytes) throw fault('NF_NIFTI_HEADER_SHORT', file, { bytes: head.length });
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const sizes: number[] = [view.getInt32(0, true), view.getInt32(0, false)];
  const version = sizes.includes(VERSIONS[1].size) ? 1 : sizes.includes(VERSIONS[2].size) ? 2 : undefined;
  if (version === undefined) {
    throw fault('NF_NIFTI_MAGIC', file, { found: 'it does not start with the header size 348 or 540' });
  }
  if (head.length < VERSIONS[version].bytes) {
    throw fault('NF_NIFTI_HEADER_SHORT', file, { bytes: head.length });
  }
  const [at, wanted] = version === 1 ? [344, 'n+1\0'] : [4, 'n+2\0\r\n\x1a\n'];
  const magic = String.fromCharCode(...head.subarray(at, at + wanted.length));
  if (/^ni[12]\0/.test(magic)) throw fault('NF_NIFTI_PAIR', file);
  if (magic !== wanted)
    throw fault('NF_NIFTI_MAGIC', file, { found: `its magic is ${JSON.stringify(magic)}` });
  return { version, littleEndian: sizes[0] === VERSIONS[version].size };
}

function checkShape(fields: NiftiFields, file: string): number[] {
  const [rank = 0, ...sizes] = fields.dims;
  if (rank < 1 || rank > 7)
    throw fault('NF_NIFTI_DIMENSIONS', file, { what: `dim[0] is ${rank}, not 1 to 7` });
  const shape = sizes.slice(0, rank);
  const bad = shape.findIndex((size) => size < 1);
  if (bad !== -1) throw fault('NF_NIFTI_DIMENSIONS', file, { what: `dim[${bad + 1}] is ${shape[bad]}` });
  return shape;
}

function checkDatatype(fields: NiftiFields, file: string): Datatype {
  const type = DATATYPES.get(fields.datatypeCode);
  if (!type) throw fault('NF_NIFTI_DATATYPE', file, { name: refusedName(fields.datatypeCode) });
  const { numBitsPerVoxel: bitpix } = fields;
  if (bitpix !== type.size * 8) {
    throw fault('NF_NIFTI_BITPIX', file, { bitpix, name: type.name, expected: type.size * 8 });
  }
  return type;
}

/** Slope 0 means no scaling (nifti1.h); NaN is taken the same way, since some writers leave it there. */
function checkScaling(fields: NiftiFields, file: string): { slope: number; intercept: number } {
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

function formsOf(fields: NiftiFields): Forms {
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
    sformCode: fields.sformCode,
    qformCode: fields.qformCode,
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
