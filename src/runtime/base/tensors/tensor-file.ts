import type { FileHandle } from 'node:fs/promises';
import { fillFrom, openInput } from '../files/read-file.ts';
import { bytesOf, DTYPES, type NumericArray } from './nd-array.ts';
import { headerLength, parseLayout, type TensorEntry, type TensorLayout } from './safetensors.ts';

/** An open safetensors file, read a slice at a time so that memory does not follow the model's size. */
export interface TensorFile {
  readonly path: string;
  readonly layout: TensorLayout;
  /** The array of a name, if it has one: a model may have thousands, and each is looked up for each slice. */
  entry(name: string): TensorEntry | undefined;
  /** Fills `target` from element bytes `[byteStart, byteStart + target.length)` of one array. */
  readSlice(entry: TensorEntry, byteStart: number, target: Uint8Array): Promise<void>;
  /** Length and text of the header, as they stand in the file. */
  readHeader(): Promise<Uint8Array>;
  close(): Promise<void>;
}

export async function openTensorFile(path: string): Promise<TensorFile> {
  const file = await openInput(path);
  try {
    const fileSize = (await file.stat()).size;
    const length = headerLength(await read(file, 0, Math.min(8, fileSize)), { path, fileSize });
    const layout = parseLayout(await read(file, 0, 8 + length), { path, fileSize });
    const byName = new Map(layout.map((entry) => [entry.name, entry]));
    return {
      path,
      layout,
      entry: (name) => byName.get(name),
      readSlice: async (entry, byteStart, target) => {
        await fillFrom(file, entry.offset + byteStart, target);
      },
      readHeader: () => read(file, 0, 8 + length),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Fills `values` with the elements of an array from `start` on. */
export async function readInto(
  file: Pick<TensorFile, 'readSlice'>,
  entry: TensorEntry,
  { start, values }: { start: number; values: NumericArray },
): Promise<void> {
  await file.readSlice(entry, start * DTYPES[entry.dtype].BYTES_PER_ELEMENT, bytesOf(values));
}

/** All of them or none: where one cannot be opened those before it are closed. */
export async function openTensorFiles(paths: readonly string[]): Promise<TensorFile[]> {
  const opened: TensorFile[] = [];
  try {
    for (const path of paths) opened.push(await openTensorFile(path));
    return opened;
  } catch (error) {
    await closeTensorFiles(opened);
    throw error;
  }
}

export async function closeTensorFiles(files: readonly TensorFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}

async function read(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await fillFrom(file, position, bytes);
  return bytes;
}
