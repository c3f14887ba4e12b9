import { canonicalJson, sha256, sha256File } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import type { DType } from '../base/tensors/nd-array.ts';
import { encodeSafetensors, planSafetensors } from '../base/tensors/safetensors.ts';
import { openTensorFile } from '../base/tensors/tensor-file.ts';
import { compareText } from '../base/text/compare-text.ts';
import type { JobDefinition, ModelDefinition } from '../job/definition.ts';
import type { FileRules } from '../job/job-paths.ts';
import { sharedNames } from '../job/local-tensors.ts';
import { requirePackable } from '../job/packing.ts';
import { requirePersonalTensors } from '../job/personal-tensors.ts';
import { requireUsefulFilters } from '../job/result-filters.ts';
import type { ArrayLiteral } from '../job/schema.ts';
import { paramForms } from '../learning/models/initial-params.ts';
import type { ModelForm } from '../network/messages/terms.ts';
import { initialModel, requireModelSize, shapeOf } from './initial-model.ts';

interface NamedForm {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

interface ModelSource {
  /** What may be read. */
  readonly rules: FileRules;
  /** A model of round 0 that lies apart from the job's files, as it will be sent. */
  readonly apart?: string | undefined;
}

/** What every model of a job looks like: names, shapes and dtypes of its arrays, and the bytes of its file. */
export async function modelForm(job: JobDefinition, source: ModelSource): Promise<ModelForm> {
  requireModelSize(job, source.rules);
  const forms = await formsOf(job.model);
  requireFitting(
    job,
    forms.map(({ name }) => name),
  );
  const form = formOf(forms);
  if (source.apart !== undefined && job.model.kind === 'built') await requireForm(source.apart, form);
  const initial = await initialDigest(job, source);
  return { ...form, ...(initial !== undefined && { initial_sha256: initial }) };
}

/**
 * What a job says of the arrays of its model by their names.
 * @throws NF_JOB_FILTER, NF_JOB_LOCAL_TENSORS, NF_JOB_PERSONAL_TENSORS
 */
export function requireFitting(job: JobDefinition, names: readonly string[]): void {
  requireUsefulFilters(job.resultFilters, sharedNames(job.workflow, names));
  requirePersonalTensors(job.workflow, names);
  requirePackable(job);
}

/** Of arrays: the digest of their form, and bytes of a file of them. */
export function formOf(arrays: readonly NamedForm[]): ModelForm {
  const { header, layout } = planSafetensors(arrays);
  const form = [...arrays]
    .sort((a, b) => compareText(a.name, b.name))
    .map(({ name, dtype, shape }) => [name, dtype, [...shape]]);
  const size = layout.reduce((sum, { byteLength }) => sum + byteLength, header.length);
  return { form_sha256: sha256(canonicalJson(form)), size };
}

/** Whether a file holds a model of this form; only its header is read. @throws NF_TENSORS_FILE, NF_JOB_TERMS */
export async function requireForm(path: string, { form_sha256: expected }: ModelForm): Promise<void> {
  const form = formOf(await formsInFile(path));
  if (form.form_sha256 !== expected)
    throw flError('NF_JOB_TERMS', { reason: 'its model has other names, shapes or dtypes' });
}

async function formsOf(model: ModelDefinition): Promise<NamedForm[]> {
  if (model.kind === 'built') return paramForms(model.spec);
  if (typeof model.params === 'string') return formsInFile(model.params);
  return Object.entries(model.params).map(([name, literal]) => ({ name, ...literalForm(literal) }));
}

function literalForm({ dtype, shape, data }: ArrayLiteral) {
  return { dtype, shape: shape ?? shapeOf(data) };
}

async function formsInFile(path: string): Promise<NamedForm[]> {
  const file = await openTensorFile(path);
  await file.close();
  return file.layout.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
}

/** Numbers from a seed are made where the model is needed; those a job brings have these bytes. */
async function initialDigest(job: JobDefinition, { rules, apart }: ModelSource): Promise<string | undefined> {
  if (apart !== undefined) return sha256File(apart);
  if (job.model.kind === 'built') return undefined;
  return sha256(encodeSafetensors(await initialModel(job, rules)));
}
