import { flError } from '../errors/errors.ts';
import { checkSameLayout } from './check-params.ts';
import { DTYPES, isFloat } from './nd-array.ts';
import { requireFinite } from './not-finite.ts';
import { planSafetensors, type TensorEntry, type TensorLayout } from './safetensors.ts';
import {
  closeTensorFiles,
  openTensorFile,
  openTensorFiles,
  readInto,
  type TensorFile,
} from './tensor-file.ts';

/** Elements looked at a time. */
const SLICE_ELEMENTS = 1 << 20;

/**
 * Refuses a safetensors file that is no answer to a model: other names, shapes or dtypes, or a value that is not finite. A site may have
 * kept arrays to itself, not all of them. Reads it slice by slice.
 * @throws NF_TENSORS_FILE, NF_TENSORS_NAMES, NF_TENSORS_SHAPE, NF_TENSORS_NOT_FINITE
 */
export async function checkUpdateFile(
  path: string,
  modelPath: string,
  { mayLack = true } = {},
): Promise<void> {
  await requireCanonical(path, modelPath, { mayLack });
  await withBoth(path, modelPath, async ({ update }) => {
    for (const entry of update.layout) await checkFinite(update, entry);
  });
}

/**
 * Refuses a file that holds anything beside the arrays of a model: metadata, other names, shapes or dtypes, or a header in another
 * form than the one these arrays have here. Reads headers alone.
 * @param mayLack whether some of the arrays may be missing
 * @throws NF_TENSORS_FILE, NF_TENSORS_NAMES, NF_TENSORS_SHAPE
 */
export async function requireCanonical(
  path: string,
  modelPath: string,
  { mayLack = false } = {},
): Promise<void> {
  await withBoth(path, modelPath, async ({ update, model }) => {
    const wanted = mayLack ? sharedArrays(model.layout, update.layout) : model.layout;
    checkSameLayout(update.layout, wanted);
    const { header } = planSafetensors(wanted);
    if (!Buffer.from(header).equals(await update.readHeader()))
      throw flError('NF_TENSORS_FILE', {
        path,
        reason: 'its header holds more than names, types and places of arrays',
      });
  });
}

/**
 * Refuses a file that holds anything but arrays of 32-bit integers of names and shapes of a model: numbers with masks on them. Reads headers
 * alone.
 * @throws NF_TENSORS_FILE, NF_TENSORS_NAMES, NF_TENSORS_SHAPE
 */
export async function requireWords(path: string, modelPath: string, { mayLack = false } = {}): Promise<void> {
  await withBoth(path, modelPath, async ({ update, model }) => {
    const arrays = mayLack ? sharedArrays(model.layout, update.layout) : model.layout;
    const { header, layout } = planSafetensors(
      arrays.map(({ name, shape }) => ({ name, shape, dtype: 'int32' as const })),
    );
    checkSameLayout(update.layout, layout);
    if (!Buffer.from(header).equals(await update.readHeader()))
      throw flError('NF_TENSORS_FILE', {
        path,
        reason: 'its header holds more than names, types and places of arrays',
      });
  });
}

/** Those of a model that are in an update; all of them where none is, which is no answer. */
function sharedArrays(model: TensorLayout, update: TensorLayout): TensorLayout {
  const sent = new Set(update.map(({ name }) => name));
  const shared = model.filter(({ name }) => sent.has(name));
  return shared.length > 0 ? shared : model;
}

async function withBoth(
  path: string,
  modelPath: string,
  look: (files: { update: TensorFile; model: TensorFile }) => Promise<void>,
): Promise<void> {
  const files = await openTensorFiles([path, modelPath]);
  try {
    const [update, model] = files;
    if (update && model) await look({ update, model });
  } finally {
    await closeTensorFiles(files);
  }
}

/** Refuses a model with values that are not finite. @throws NF_TENSORS_FILE, NF_TENSORS_NOT_FINITE */
export async function checkModelFile(path: string): Promise<void> {
  const model = await openTensorFile(path);
  try {
    for (const entry of model.layout) await checkFinite(model, entry);
  } finally {
    await model.close();
  }
}

async function checkFinite(file: TensorFile, entry: TensorEntry): Promise<void> {
  if (!isFloat(entry)) return;
  const elements = entry.byteLength / DTYPES[entry.dtype].BYTES_PER_ELEMENT;
  const buffer = new DTYPES[entry.dtype](Math.min(SLICE_ELEMENTS, elements));
  for (let start = 0; start < elements; start += buffer.length) {
    const slice = buffer.subarray(0, Math.min(buffer.length, elements - start));
    await readInto(file, entry, { start, values: slice });
    requireFinite(entry.name, slice, start);
  }
}
