import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { hashOpen } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { NO_LINK, NO_WAIT } from '../../base/files/open-flags.ts';
import { checkExamples, checkFigures } from '../../base/logging/check-figures.ts';
import { checkUpdateFile } from '../../base/tensors/check-file.ts';
import type { ScriptAnswer, TaskOrder } from '../executor/messages.ts';
import type { PythonResult } from './messages.ts';

/**
 * What a script sent, as every executor gives it: its file durable, in the form of the model, with finite values.
 * @throws NF_RESULT_*, NF_TENSORS_*
 */
export async function answerOf(
  { params, control, params_type: paramsType, metrics, weight }: PythonResult,
  { task, output }: TaskOrder,
): Promise<ScriptAnswer> {
  const figures = { metrics: checkFigures(numbersIn(metrics)), numExamples: checkExamples(weight ?? 1) };
  if (task.context.form.answer.model === undefined) return { ...figures, paramsType: 'FULL', files: {} };
  if (!params) throw flError('NF_RESULT_INVALID', { reason: 'params are missing' });
  const take = (name: string, mayLack: boolean) =>
    takeFile(output.files[name] ?? '', task.inputs.model ?? '', mayLack);
  const model = await take('model', false);
  if (task.context.form.answer.control === undefined) return { ...figures, paramsType, files: { model } };
  if (!control)
    throw flError('NF_RESULT_INVALID', { reason: 'the change of its control variate is missing' });
  return { ...figures, paramsType, files: { model, control: await take('control', true) } };
}

/**
 * Checks the file of an answer and makes it durable; returns its SHA-256. The process that wrote it may go on: whatever it puts into its place meanwhile (a pipe
 * that nobody writes to, a link, a device without end), the file that was opened first is the one that is stored and hashed. A site takes it over afterwards,
 * and looks again.
 */
async function takeFile(path: string, model: string, mayLack: boolean): Promise<string> {
  const flags = constants.O_RDWR | NO_LINK | NO_WAIT;
  const file = await open(path, flags).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT')
      throw flError('NF_RESULT_INVALID', { reason: 'its file is missing' }, { cause });
    if (cause.code !== 'ELOOP' && cause.code !== 'EISDIR' && cause.code !== 'ENXIO') throw cause;
    throw noFile();
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw noFile();
    await checkUpdateFile(path, model, { mayLack });
    await file.sync();
    const hash = createHash('sha256');
    await hashOpen(file, hash, found.size);
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

function noFile() {
  return flError('NF_RESULT_INVALID', { reason: 'what lies in the place of its file is no file' });
}

/** JSON has no NaN and no infinity: `{"$number": "nan"}` stands for one. */
function numbersIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(numbersIn);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === '$number')
    return first[1] === 'nan' ? Number.NaN : infinity(first[1]);
  return Object.fromEntries(entries.map(([name, item]) => [name, numbersIn(item)]));
}

function infinity(text: unknown): number {
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
