import { flError } from '../../base/errors/errors.ts';
import { checkParams, checkSameForm, type ParamForms } from '../../base/tensors/check-params.ts';
import { encodeSafetensors } from '../../base/tensors/safetensors.ts';
import { counted } from '../../base/text/counted.ts';
import type { FileRule, FilesForm } from '../../run/task.ts';
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
  for (const [file, { optional, by }] of Object.entries(answer))
    if (!optional && by === undefined && files[file] === undefined)
      throw flError('NF_PAYLOAD_MISSING', { file, task });
  const entries = Object.entries(files).map(([file, value]) => {
    const rule = answer[file];
    if (!rule || rule.by) throw flError('NF_PAYLOAD_UNKNOWN', { file, task });
    const bytes = bytesOf(value, { file, rule, forms });
    const { most } = rule;
    if (most !== undefined && bytes.length > most)
      throw flError('NF_PAYLOAD_TOO_LARGE', {
        file,
        task,
        size: counted(bytes.length, 'byte'),
        most: counted(most, 'byte'),
      });
    return [file, bytes] as const;
  });
  return Object.fromEntries(entries);
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
