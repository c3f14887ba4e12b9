import { stat } from 'node:fs/promises';
import { isArrays } from '../../algorithms/task.ts';
import { writeHashed } from '../../base/files/files.ts';
import { bytesOf, DTYPES, elementCount, type NumericArray } from '../../base/tensors/nd-array.ts';
import { inFileOrder, planSafetensors, type TensorEntry } from '../../base/tensors/safetensors.ts';
import { readInto, type TensorFile } from '../../base/tensors/tensor-file.ts';
import type { Answer, AnswerFile } from '../answer.ts';
import type { Task } from '../task-order.ts';

/** Elements at a time. */
const SLICE_ELEMENTS = 1 << 18;

/** A part of an array: what its elements from `start` on are. */
export interface Slice {
  readonly entry: TensorEntry;
  readonly start: number;
  readonly values: NumericArray;
}

/** The answer with each of its files of arrays as `change` makes it; what else it brings goes as it is. */
export async function changeArrays(
  answer: Answer,
  { form }: Pick<Task, 'form'>,
  change: (file: AnswerFile, name: string) => Promise<AnswerFile>,
): Promise<Answer> {
  const isOfArrays = (name: string) => isArrays(form.answer[name]?.form);
  const files: Record<string, AnswerFile> = {};
  for (const [name, file] of Object.entries(answer.files))
    files[name] = isOfArrays(name) ? await change(file, name) : file;
  return { ...answer, files };
}

/** Walks through arrays of a file, slice by slice, in the order they have in it. The values are overwritten by the next slice. */
export async function eachSlice(
  file: Pick<TensorFile, 'readSlice'>,
  entries: readonly TensorEntry[],
  look: (slice: Slice) => Promise<void> | void,
): Promise<void> {
  for (const entry of inFileOrder(entries)) {
    const elements = elementCount(entry.shape);
    const buffer = new DTYPES[entry.dtype](Math.min(SLICE_ELEMENTS, elements));
    for (let start = 0; start < elements; start += SLICE_ELEMENTS) {
      const values = buffer.subarray(0, Math.min(SLICE_ELEMENTS, elements - start));
      await readInto(file, entry, { start, values });
      await look({ entry, start, values });
    }
  }
}

/** Writes some arrays of a file into one of their own, each slice after `change` has had it. */
export async function writeTensors(
  target: string,
  { file, entries }: { file: TensorFile; entries: readonly TensorEntry[] },
  change: (slice: Slice) => Promise<void> | void = () => undefined,
): Promise<AnswerFile> {
  return writeParts(
    target,
    entries.map((entry) => ({ file, entry })),
    change,
  );
}

/** An array, and the file in which it is. */
export interface Part {
  readonly file: Pick<TensorFile, 'readSlice'>;
  readonly entry: TensorEntry;
}

/** Writes arrays of several files into one. */
export async function writeParts(
  target: string,
  parts: readonly Part[],
  change: (slice: Slice) => Promise<void> | void = () => undefined,
): Promise<AnswerFile> {
  const { header, layout } = planSafetensors(parts.map(({ entry }) => entry));
  const byName = new Map(parts.map((part) => [part.entry.name, part]));
  const ordered = inFileOrder(layout).flatMap(({ name }) => byName.get(name) ?? []);
  const sha256 = await writeHashed(target, async (append) => {
    await append(header);
    for (const { file, entry } of ordered)
      await eachSlice(file, [entry], async (slice) => {
        await change(slice);
        await append(bytesOf(slice.values));
      });
  });
  return { path: target, sha256, size: (await stat(target)).size };
}
