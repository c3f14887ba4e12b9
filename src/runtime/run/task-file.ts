import { stat } from 'node:fs/promises';
import { type FileRule, isArrays, mostBytes } from '../algorithms/task.ts';
import { flError } from '../base/errors/errors.ts';
import { checkUpdateFile, requireCanonical, requireWords } from '../base/tensors/check-file.ts';
import { BESIDE } from '../base/tensors/packed/form.ts';
import { requirePacked, unpack } from '../base/tensors/packed/unpack.ts';
import { openTensorFile } from '../base/tensors/tensor-file.ts';
import { matcherOf, partedBy } from '../base/text/name-patterns.ts';
import { requireSize } from './declared.ts';

/** A file of an answer as it lies on disk, and what it must be. */
export interface TaskFile {
  readonly path: string;
  /** Of the model that the task began with. */
  readonly model: string;
  readonly rule: FileRule;
  /** Its name in the answer. */
  readonly name: string;
  /** Id of the task. */
  readonly task: string;
}

/** Refuses a file that is not of its form, packed where its rule says so; of arrays only the header is read. @throws NF_PAYLOAD_*, NF_TENSORS_* */
export async function requireFileForm({ path, model, rule, name: file, task }: TaskFile): Promise<void> {
  const { size } = await stat(path);
  requireSize(size, { file, task, most: mostBytes(rule, (await stat(model)).size) });
  const mayLack = rule.form === 'subset:model';
  if (rule.masked) await requireWords(path, model, { mayLack });
  else if (rule.packing) await requirePacked({ path, model, packing: rule.packing, mayLack });
  else if (isArrays(rule.form)) await requireCanonical(path, model, { mayLack });
  if (!rule.stays) return;
  const isLocal = matcherOf(rule.stays);
  const { layout, close } = await openTensorFile(path);
  await close();
  const named = layout.filter(({ name }) => name !== BESIDE);
  const [found] = (await partedBy(named, isLocal)).meant;
  if (!found) return;
  const reason = `it has ${found.name}, which stays at each site (workflow.local_tensors)`;
  throw flError('NF_PAYLOAD_FORM', { file, task, reason });
}

/** As `requireFileForm`, and refuses values that are not finite. @throws NF_PAYLOAD_*, NF_TENSORS_* */
export async function checkTaskFile(file: TaskFile): Promise<void> {
  await requireFileForm(file);
  const { path, model, rule } = file;
  // Of whole numbers none is not finite.
  if (isArrays(rule.form) && !rule.masked)
    await checkUpdateFile(path, model, { mayLack: rule.form === 'subset:model' });
}

/** As `checkTaskFile`, of a packed file: writes what it stands for. Returns its SHA-256. @throws NF_PAYLOAD_*, NF_TENSORS_* */
export async function unpackTaskFile({ target, ...file }: TaskFile & { target: string }): Promise<string> {
  await requireFileForm(file);
  const { path, model, rule } = file;
  if (!rule.packing) throw new Error(`${path} is not packed.`);
  return unpack({ path, model, packing: rule.packing, mayLack: rule.form === 'subset:model' }, target);
}
