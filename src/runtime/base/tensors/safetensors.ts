import { flError } from '../errors/errors.ts';
import { beyondBounds } from '../json-bounds.ts';
import { compareText } from '../text/compare-text.ts';
import { counted } from '../text/counted.ts';
import { bytesOf, DTYPES, type DType, elementCount, type NdArray, type ParamSet } from './nd-array.ts';

/** Where one array lies in a safetensors file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** Sorted by name. */
export type TensorLayout = readonly TensorEntry[];

const FILE_DTYPES = {
  F64: 'float64',
  F32: 'float32',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
} as const;
const LENGTH_BYTES = 8;
/**
 * Files come from others, and a header in memory takes a hundred times its text: so much is enough for 100 000 arrays. The reference
 * implementation takes ten times as much.
 */
const MAX_HEADER_BYTES = 10_000_000;
/** A list in an array in the header; an array has seven values and its axes. */
const HEADER_BOUNDS = { depth: 3, values: 2_000_000 } as const;

/**
 * The header of a file for these arrays, and where each array goes.
 * Format: 8 bytes header length (little-endian), JSON header padded with spaces to 8 bytes, then the data without
 * gaps (https://huggingface.co/docs/safetensors). Widest elements first keeps every array aligned; equal sets
 * give equal bytes.
 */
export function planSafetensors(
  arrays: readonly Pick<NdArray & { name: string }, 'name' | 'dtype' | 'shape'>[],
): {
  header: Uint8Array;
  layout: TensorLayout;
} {
  return planInOrder(
    [...arrays].sort(
      (a, b) =>
        DTYPES[b.dtype].BYTES_PER_ELEMENT - DTYPES[a.dtype].BYTES_PER_ELEMENT || compareText(a.name, b.name),
    ),
  );
}

/** As `planSafetensors`, for arrays that are written in this order; those of larger elements must come first. */
export function planInOrder(
  arrays: readonly Pick<NdArray & { name: string }, 'name' | 'dtype' | 'shape'>[],
): {
  header: Uint8Array;
  layout: TensorLayout;
} {
  let end = 0;
  const placed = arrays.map(({ name, dtype, shape }) => {
    const byteLength = elementCount(shape) * DTYPES[dtype].BYTES_PER_ELEMENT;
    const begin = end;
    end += byteLength;
    return { name, dtype, shape: [...shape], begin, byteLength };
  });
  const header = encodeHeader(placed);
  const layout = placed.map(({ begin, ...entry }) => ({ ...entry, offset: header.length + begin }));
  return { header, layout: layout.sort((a, b) => compareText(a.name, b.name)) };
}

/** Arrays as they follow one another in their file. */
export function inFileOrder<Entry extends Pick<TensorEntry, 'offset'>>(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.offset - b.offset);
}

/** A whole file in memory. */
export function encodeSafetensors(params: ParamSet): Uint8Array {
  const { header, layout } = planSafetensors(
    Object.entries(params).map(([name, array]) => ({ name, ...array })),
  );
  const file = new Uint8Array(layout.reduce((sum, entry) => sum + entry.byteLength, header.length));
  file.set(header);
  for (const { name, offset } of layout) {
    const data = params[name]?.data;
    if (data) file.set(bytesOf(data), offset);
  }
  return file;
}

/** Reads a whole file; `path` only names it in errors. The arrays are copies. */
export function decodeSafetensors(bytes: Uint8Array, path: string): ParamSet {
  const headerEnd = LENGTH_BYTES + headerLength(bytes, { path, fileSize: bytes.length });
  const layout = parseLayout(bytes.subarray(0, headerEnd), { path, fileSize: bytes.length });
  return Object.fromEntries(
    layout.map(({ name, dtype, shape, offset, byteLength }) => {
      const data = new DTYPES[dtype](new Uint8Array(bytes.subarray(offset, offset + byteLength)).buffer);
      return [name, { dtype, shape, data }];
    }),
  );
}

/** Length of the JSON header from the file's first 8 bytes. */
export function headerLength(
  start: Uint8Array,
  { path, fileSize }: { path: string; fileSize: number },
): number {
  if (start.length < LENGTH_BYTES) throw unreadable(path, 'it is shorter than 8 bytes');
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || LENGTH_BYTES + length > fileSize) {
    throw unreadable(path, `its header claims ${counted(length, 'byte')}`);
  }
  return length;
}

/** Layout from the first `8 + headerLength` bytes; refuses gaps, overlaps, foreign types and data that are cut or too long. */
export function parseLayout(
  start: Uint8Array,
  { path, fileSize }: { path: string; fileSize: number },
): TensorLayout {
  const entries = Object.entries(parseHeader(start.subarray(LENGTH_BYTES), path))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, raw]) => parseEntry(name, raw, { path, dataStart: start.length }));
  let end = start.length;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    if (entry.offset !== end)
      throw unreadable(path, `'${entry.name}' leaves a gap or overlaps another array`);
    end += entry.byteLength;
  }
  if (end !== fileSize)
    throw unreadable(path, `it has ${counted(fileSize, 'byte')}, its header describes ${end}`);
  return entries.sort((a, b) => compareText(a.name, b.name));
}

function encodeHeader(
  entries: readonly { name: string; dtype: DType; shape: number[]; begin: number; byteLength: number }[],
) {
  const json = JSON.stringify(
    Object.fromEntries(
      entries.map(({ name, dtype, shape, begin, byteLength }) => [
        name,
        { dtype: fileDtype(dtype), shape, data_offsets: [begin, begin + byteLength] },
      ]),
    ),
  );
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, LENGTH_BYTES);
  return header;
}

function parseHeader(bytes: Uint8Array, path: string): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const header: unknown = beyondBounds(text, HEADER_BOUNDS) ? undefined : JSON.parse(text);
    if (header && typeof header === 'object' && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch {
    // Falls through to the one answer for every unreadable header.
  }
  throw unreadable(path, 'its header is not a JSON object of arrays');
}

function parseEntry(
  name: string,
  raw: unknown,
  { path, dataStart }: { path: string; dataStart: number },
): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (raw ?? {}) as Record<string, unknown>;
  const type = isFileDtype(dtype) ? FILE_DTYPES[dtype] : undefined;
  if (name === '__proto__') throw unreadable(path, "an array is named '__proto__'");
  if (type === undefined) throw unreadable(path, `'${name}' has the unsupported dtype ${String(dtype)}`);
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2)
    throw unreadable(path, `'${name}' has no valid shape and offsets`);
  const [begin = 0, end = 0] = offsets;
  const byteLength = elementCount(shape) * DTYPES[type].BYTES_PER_ELEMENT;
  if (end - begin !== byteLength)
    throw unreadable(path, `'${name}' has ${counted(end - begin, 'byte')}, its shape needs ${byteLength}`);
  return { name, dtype: type, shape, offset: dataStart + begin, byteLength };
}

function isFileDtype(value: unknown): value is keyof typeof FILE_DTYPES {
  return typeof value === 'string' && Object.hasOwn(FILE_DTYPES, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function fileDtype(dtype: DType): string {
  return Object.entries(FILE_DTYPES).find(([, name]) => name === dtype)?.[0] ?? '';
}

function unreadable(path: string, reason: string) {
  return flError('NF_TENSORS_FILE', { path, reason }, { place: { file: path } });
}
