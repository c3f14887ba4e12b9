import { flError, toNeuroflareError } from '../../runtime/base/errors/errors.ts';
import { openInput, readWhole } from '../../runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { isOutOfMemory, withMemory } from '../../runtime/base/threads/memory-share.ts';
import { contentAbsent, linkFault, pointerOf } from '../content/absent.ts';
import { type Format, foreignFormat } from '../content/foreign.ts';
import { DATATYPES, type Datatype, viewVoxels } from './datatype.ts';
import { gunzipHead, gunzipWhole, isGzip } from './gzip.ts';
import {
  checkExtensions,
  HEADER_BYTES,
  isNifti,
  type NiftiHeader,
  neededBytes,
  parseHeader,
} from './header.ts';
import { orientationOf } from './orient.ts';
import { withRead } from './with-bytes.ts';

/** An image in memory. `data` is in the order of the file (first axis fastest), scaled, one value a voxel. */
export interface NiftiImage extends NiftiHeader {
  readonly data: Float32Array;
  /** Axis codes, e.g. `LAS`: where the first, second and third index grow to. */
  readonly orientation: string;
}

/**
 * Reads a `.nii` or `.nii.gz` file of unknown origin. Nothing in it is trusted: see `parseHeader`, `gunzipWhole`.
 * Memory is bounded by the checked header, never by what the gzip says about itself, and shared by the threads of a process. Integers beyond
 * 2^24 lose their last digits in float32.
 * @throws NeuroflareError NF_PATH_MISSING or NF_NIFTI_*, with the file as place
 */
export async function readNifti(path: string, options: ReadOptions = {}): Promise<NiftiImage> {
  return withNifti(path, options, async ({ image }) => image);
}

/** An image with the bytes of its file, unpacked. */
export interface NiftiContent {
  readonly image: NiftiImage;
  readonly bytes: Uint8Array;
}

/** As `readNifti`, for work on the file itself; it has its share of memory, so nothing in `work` may ask for more. */
export async function withNifti<Value>(
  path: string,
  options: ReadOptions,
  work: (content: NiftiContent) => Promise<Value>,
): Promise<Value> {
  return withFile(path, async (bytes, isAlone) => {
    const header = await headerOf(bytes, path);
    return withMemory(isAlone ? 0 : neededBytes(header), async () =>
      work(await decodeWhole(bytes, { header, file: path, ...options })),
    );
  });
}

interface ReadOptions {
  /** Voxels that are NaN become 0; else they are refused, as infinite ones are. */
  readonly nanToZero?: boolean;
  /** Whoever calls has all memory that threads share. */
  readonly isAlone?: boolean;
}

/** The header alone, for looks at shape and orientation; voxels are neither inflated nor checked. */
export async function readNiftiHeader(path: string): Promise<NiftiHeader> {
  return withFile(path, (bytes) => headerOf(bytes, path));
}

/**
 * Whether an image can be read, without inflating it where that is not needed: its header, and its length by what the gzip says of it.
 * @throws as `readNifti`
 */
export async function checkNifti(path: string): Promise<void> {
  const isPlain = await withFile(path, async (bytes) => {
    const { offset, dataBytes } = await headerOf(bytes, path);
    // RFC 1952, 2.3.1: the last four bytes are the length modulo 2^32. Of several members they are those of the last alone.
    const length = isGzip(bytes) ? Buffer.from(bytes.slice(-4)).readUInt32LE() : bytes.length;
    return length === (offset + dataBytes) % 2 ** 32;
  });
  if (!isPlain) await readNifti(path);
}

/** As `readNifti`, for bytes in memory; `file` is named in errors, and its ending must fit the content. */
export async function decodeNifti(
  bytes: Uint8Array,
  file: string,
  options: ReadOptions = {},
): Promise<NiftiImage> {
  const header = await headerOf(bytes, file);
  return withMemory(options.isAlone ? 0 : neededBytes(header), async () => {
    const { image } = await decodeWhole(bytes, { header, file, ...options });
    return image;
  });
}

async function headerOf(bytes: Uint8Array, file: string): Promise<NiftiHeader> {
  return parseHeader(await headOf(bytes, file), file);
}

/** @throws NF_NIFTI_MEMORY where this machine has no room for what the header announces */
async function decodeWhole(
  bytes: Uint8Array,
  { header, file, nanToZero = false }: ReadOptions & { header: NiftiHeader; file: string },
): Promise<NiftiContent> {
  try {
    const plain = isGzip(bytes) ? await gunzipWhole(bytes, header, file) : bytes;
    if (header.offset > plain.length) {
      throw flError('NF_NIFTI_OFFSET', { file, offset: header.offset }, { place: { file } });
    }
    const oddities = [...header.oddities, ...checkExtensions(plain, header, file)];
    const data = scaledVoxels(plain, header, { file, nanToZero });
    const image = { ...header, oddities, data, orientation: orientationOf(header.affine) };
    return { image, bytes: plain };
  } catch (thrown) {
    throw isOutOfMemory(thrown) ? noMemory(file, { needed: neededBytes(header), cause: thrown }) : thrown;
  }
}

function noMemory(file: string, { needed, cause }: { needed: number; cause: unknown }) {
  return flError('NF_NIFTI_MEMORY', { file, megabytes: Math.ceil(needed / 1e6) }, { place: { file }, cause });
}

/** Opens a file, reads it, and does something with its bytes; `isAlone`: while it has all memory that is shared. */
async function withFile<Value>(
  path: string,
  work: (bytes: Uint8Array, isAlone: boolean) => Promise<Value>,
): Promise<Value> {
  const file = await openInput(path).catch(async (error: NodeJS.ErrnoException) => {
    const fault = await linkFault(path);
    if (fault) throw fault;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
      throw flError('NF_PATH_MISSING', { what: 'Image', path }, { place: { file: path }, cause: error });
    }
    throw toNeuroflareError(error);
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw flError('NF_NIFTI_NOT_A_FILE', { file: path }, { place: { file: path } });
    const read = () => readWhole(file, { path, most: DATA_LIMITS.image_bytes.most });
    return await withRead({ size: found.size, read }, work);
  } catch (thrown) {
    throw isOutOfMemory(thrown)
      ? noMemory(path, { needed: (await file.stat()).size, cause: thrown })
      : thrown;
  } finally {
    await file.close();
  }
}

/** The first 352 bytes of the image, after checks that name and content agree about compression, and that it is no stand-in for the image. */
async function headOf(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const context = { place: { file } };
  if (bytes.length === 0) throw flError('NF_NIFTI_EMPTY', { file }, context);
  const named = file.toLowerCase().endsWith('.gz');
  if (!isGzip(bytes)) {
    const pointer = pointerOf(bytes);
    if (pointer) throw contentAbsent(pointer, file);
    checkForeign(bytes, file);
    if (named) throw notGzip(bytes, file);
    return bytes.subarray(0, HEADER_BYTES);
  }
  if (!named) throw flError('NF_NIFTI_UNEXPECTED_GZIP', { file }, context);
  const head = await gunzipHead(bytes, HEADER_BYTES, file);
  if (isGzip(head)) throw flError('NF_NIFTI_GZIP_NESTED', { file }, context);
  checkForeign(head, file);
  return head;
}

const ADVICE: Readonly<Record<Format['kind'], string>> = {
  picture: "Put pictures into class folders for 'neuroflare preprocess bids'; they need no .nii.",
  dicom: 'Convert the series to NIfTI, for example with dcm2niix.',
  archive: 'Unpack it; only gzip is read.',
  image: 'Convert the image to NIfTI-1 (.nii or .nii.gz).',
  text: 'The download failed, or the file was mixed up: copy it again from its source.',
};

/** @throws NF_NIFTI_FOREIGN for what is known to be something else */
function checkForeign(bytes: Uint8Array, file: string): void {
  const format = isNifti(bytes) ? undefined : foreignFormat(bytes);
  if (!format) return;
  const params = { file, format: format.name, advice: ADVICE[format.kind] };
  throw flError('NF_NIFTI_FOREIGN', params, { place: { file } });
}

function notGzip(bytes: Uint8Array, file: string) {
  const found = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  const advice = isNifti(bytes)
    ? 'It is a NIfTI image that is not compressed: rename the file to .nii, or compress it with gzip.'
    : 'It is no NIfTI image either: copy it again from its source.';
  return flError('NF_NIFTI_NOT_GZIP', { file, found, advice }, { place: { file } });
}

function scaledVoxels(
  bytes: Uint8Array,
  header: NiftiHeader,
  { file, nanToZero }: { file: string; nanToZero: boolean },
): Float32Array {
  const found = bytes.length - header.offset;
  const { dataBytes: expected } = header;
  if (found < expected) throw flError('NF_NIFTI_DATA_SHORT', { file, found, expected }, { place: { file } });
  if (found > expected) throw flError('NF_NIFTI_DATA_LONG', { file, expected }, { place: { file } });
  const type = [...DATATYPES.values()].find(({ name }) => name === header.dtype) as Datatype;
  const stored = viewVoxels(nativeOrder(bytes.subarray(header.offset), { header, type }), type);
  return scale(stored, header, { file, nanToZero });
}

/** The voxels where a typed array can look at them: aligned, and in little-endian order. */
function nativeOrder(
  bytes: Uint8Array,
  { header, type }: { header: NiftiHeader; type: Datatype },
): Uint8Array {
  const swap = !header.littleEndian && type.size > 1;
  if (!swap && bytes.byteOffset % type.size === 0) return bytes;
  // Buffer.slice would share the memory, and the pool behind small Buffers is not aligned for every type.
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  if (!swap) return copy;
  return type.size === 2 ? copy.swap16() : type.size === 4 ? copy.swap32() : copy.swap64();
}

function scale(
  stored: ArrayLike<number | bigint>,
  header: NiftiHeader,
  { file, nanToZero }: { file: string; nanToZero: boolean },
): Float32Array {
  const { slope, intercept } = header;
  // Integers as they are stand for finite numbers, and one copy of them takes a tenth of the time of the loop below.
  if (slope === 1 && intercept === 0 && isOfIntegers(stored)) return new Float32Array(stored);
  const data = new Float32Array(stored.length);
  let hasOnlyNumbers = true;
  for (let at = 0; at < data.length; at++) {
    const value = Math.fround(Number(stored[at]) * slope + intercept);
    data[at] = value;
    if (value - value === 0) continue;
    if (nanToZero && Number.isNaN(value)) data[at] = 0;
    else hasOnlyNumbers = false;
  }
  if (!hasOnlyNumbers) throw notFinite(stored, data, file);
  return data;
}

function isOfIntegers(stored: ArrayLike<number | bigint>): stored is Uint8Array {
  return [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array].some(
    (kind) => stored instanceof kind,
  );
}

/** Of NaN and infinity, where any is stored; else of numbers that are too large for float32. */
function notFinite(stored: ArrayLike<number | bigint>, data: Float32Array, file: string) {
  const [none, large] = [
    { count: 0, first: -1 },
    { count: 0, first: -1 },
  ];
  for (let at = 0; at < data.length; at++) {
    if (Number.isFinite(data[at])) continue;
    const found = Number.isFinite(Number(stored[at])) ? large : none;
    if (found.count++ === 0) found.first = at;
  }
  const place = { place: { file } };
  return none.count > 0
    ? flError('NF_NIFTI_NOT_FINITE', { file, ...none }, place)
    : flError('NF_NIFTI_RANGE', { file, ...large }, place);
}
