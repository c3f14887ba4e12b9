import { lstat } from 'node:fs/promises';
import { sha256File } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { syncFile } from '../../base/files/files.ts';
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

/** Its digest, once it is durable and in the form of the model. */
async function takeFile(path: string, model: string, mayLack: boolean): Promise<string> {
  if (!(await lstat(path)).isFile())
    throw flError('NF_RESULT_INVALID', { reason: 'what lies in the place of its file is no file' });
  await checkUpdateFile(path, model, { mayLack });
  await syncFile(path);
  return sha256File(path);
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
