import type { FileRule, FilesForm } from '../../algorithms/task.ts';
import { flError } from '../../base/errors/errors.ts';
import { checkParams, checkSameForm, type ParamForms } from '../../base/tensors/check-params.ts';
import { encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { requireDeclared, requireSize } from '../../run/declared.ts';
import type { TaskFile } from './fl-model.ts';

interface Asked {
  /** Beside the model. */
  readonly answer: FilesForm;
  /** Of the arrays of the model. */
  readonly forms: ParamForms;
}

/** Files that a script sends beside its model, as they are written. @throws NF_PAYLOAD_*, NF_TENSORS_* */
export function sentFiles(
  files: Readonly<Record<string, TaskFile>>,
  { answer, forms }: Asked,
): Record<string, Uint8Array> {
  const task = 'the answer';
  const own = Object.fromEntries(Object.entries(answer).filter(([, { by }]) => by === undefined));
  requireDeclared(files, own, task);
  const sent: Record<string, Uint8Array> = {};
  for (const [file, value] of Object.entries(files)) {
    const rule = own[file];
    if (!rule) continue;
    const bytes = bytesOf(value, { file, rule, forms });
    if (rule.most !== undefined) requireSize(bytes.length, { file, task, most: rule.most });
    sent[file] = bytes;
  }
  return sent;
}

function bytesOf(
  value: unknown,
  { file, rule, forms }: { file: string; rule: FileRule; forms: ParamForms },
): Uint8Array {
  const wrong = (reason: string) => flError('NF_PAYLOAD_FORM', { file, task: 'the answer', reason });
  if (rule.form === 'opaque') {
    if (value instanceof Uint8Array) return Uint8Array.from(value);
    throw wrong('it is no Uint8Array');
  }
  checkParams(value);
  const known = Object.keys(value).filter((name) => forms[name]);
  const wanted = known.map((name) => [name, forms[name]] as const);
  checkSameForm(value, rule.form === 'like:model' ? forms : (Object.fromEntries(wanted) as ParamForms));
  return encodeSafetensors(value);
}
