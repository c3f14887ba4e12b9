import { rename, rm } from 'node:fs/promises';
import { isArrays } from '../../algorithms/task.ts';
import { whileOpen } from '../../base/files/while-open.ts';
import { isFloat } from '../../base/tensors/nd-array.ts';
import { PACKED_ENCODINGS } from '../../base/tensors/packed/form.ts';
import type { TensorFile } from '../../base/tensors/tensor-file.ts';
import type { PackingSpec } from '../../job/result-filters.ts';
import type { Answer, AnswerFile } from '../answer.ts';
import { remainsIn } from '../kept.ts';
import type { Task } from '../task-order.ts';
import { openIn } from '../write-kept.ts';
import { Differences } from './differences.ts';
import { writePacked } from './write-packed.ts';

export interface PackedTask {
  readonly task: Task;
  readonly packing: PackingSpec;
  /** Path of the model that the site received. */
  readonly model: string;
  /** Path of what the site keeps from tasks before, if it does. */
  readonly kept: string | undefined;
}

interface Packed {
  readonly answer: Answer;
  /** What did not travel of each file, by its name; undefined: nothing is to be kept. */
  readonly remains: Readonly<Record<string, string>> | undefined;
}

/**
 * Packs the files of arrays of an answer, after all filters, each where it was before. What is sent are differences to what the site
 * received; with top_k to them is added what did not travel before. The same answer to the same task comes to the same bytes.
 */
export async function packAnswer(answer: Answer, packed: PackedTask): Promise<Packed> {
  const { task, packing } = packed;
  const files: Record<string, AnswerFile> = {};
  const remains: Record<string, string> = {};
  for (const [name, file] of Object.entries(answer.files)) {
    if (!isArrays(task.form.answer[name]?.form)) {
      files[name] = file;
      continue;
    }
    const isWhole = name === 'model' && answer.paramsType === 'FULL';
    const made = await packFile(file, { ...packed, name, isWhole });
    files[name] = made.file;
    if (made.remains !== undefined) remains[name] = made.remains;
  }
  return {
    answer: { ...answer, files, paramsType: 'DIFF', encoding: PACKED_ENCODINGS[packing.name] },
    remains: packing.name === 'top_k' ? remains : undefined,
  };
}

async function packFile(
  { path }: AnswerFile,
  {
    task,
    packing,
    model,
    kept,
    name,
    isWhole,
  }: PackedTask & { readonly name: string; readonly isWhole: boolean },
): Promise<{ file: AnswerFile; remains: string | undefined }> {
  const target = `${path}.packed`;
  const left = `${path}.remains`;
  try {
    const written = await whileOpen(async (opened) => {
      const update = await openIn(opened, path);
      const base = isWhole ? await openIn(opened, model) : undefined;
      const before = kept === undefined || packing.name !== 'top_k' ? undefined : await openIn(opened, kept);
      const differences = new Differences({ update, base, remains: remainsOf(before, { update, name }) });
      const of = [task.seed, name];
      const { file, writeRemains } = await writePacked(target, differences, { packing, of });
      await writeRemains?.(left);
      return { file, remains: writeRemains && left };
    });
    await rename(target, path);
    return { ...written, file: { ...written.file, path } };
  } finally {
    await rm(target, { force: true });
  }
}

/** What is kept of the arrays that are sent; the same form, as it was made from them. */
function remainsOf(
  kept: TensorFile | undefined,
  { update, name }: { readonly update: TensorFile; readonly name: string },
) {
  if (!kept) return new Map();
  const known = new Map(remainsIn(kept.layout, name).map(({ of, entry }) => [of, entry]));
  return new Map(
    update.layout.filter(isFloat).flatMap((sent) => {
      const entry = known.get(sent.name);
      return entry ? [[sent.name, { file: kept, entry }] as const] : [];
    }),
  );
}
