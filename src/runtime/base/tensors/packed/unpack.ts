import { flError } from '../../errors/errors.ts';
import { writeHashed } from '../../files/files.ts';
import { checkSameLayout } from '../check-params.ts';
import { bytesOf, DTYPES, elementCount, isFloat, type NumericArray } from '../nd-array.ts';
import { requireFinite } from '../not-finite.ts';
import { inFileOrder, planSafetensors, type TensorEntry, type TensorLayout } from '../safetensors.ts';
import { closeTensorFiles, openTensorFiles, readInto, type TensorFile } from '../tensor-file.ts';
import { fromFloat16 } from './float16.ts';
import { BESIDE, type Packing, packedForms } from './form.ts';

/** Elements at a time. */
const SLICE_ELEMENTS = 1 << 18;

interface PackedFile {
  readonly path: string;
  /** Path of the model that the task began with. */
  readonly model: string;
  readonly packing: Packing;
  /** Whether some of the arrays may be missing. */
  readonly mayLack: boolean;
}

/**
 * Refuses a file that holds anything beside a packed update of a model: other names, shapes or dtypes, another number of values, or a
 * header in another form. Reads headers alone.
 * @throws NF_TENSORS_FILE, NF_TENSORS_NAMES, NF_TENSORS_SHAPE, NF_TENSORS_PACKED
 */
export async function requirePacked(file: PackedFile): Promise<void> {
  await whileOpen(file, async (update, sent) => {
    const forms = packedForms(sent, file.packing);
    checkSameLayout(update.layout, forms);
    const { header } = planSafetensors(forms);
    if (!Buffer.from(header).equals(await update.readHeader()))
      throw flError('NF_TENSORS_FILE', {
        path: file.path,
        reason: 'its header holds more than names, types and places of arrays',
      });
  });
}

/**
 * Writes what a packed update stands for: a safetensors file of differences with arrays as the model has them. Reads it slice by slice, and
 * refuses what no site packs. Returns the SHA-256 of the new file.
 * @throws as `requirePacked`, NF_TENSORS_NOT_FINITE
 */
export async function unpack(file: PackedFile, target: string): Promise<string> {
  await requirePacked(file);
  return whileOpen(file, async (update, sent) => {
    const { header, layout } = planSafetensors(sent);
    const ordered = inFileOrder(layout);
    const fillers = await fillersOf(update, sent, file.packing);
    return writeHashed(target, async (append) => {
      await append(header);
      for (const entry of ordered) {
        const fill = fillers.get(entry.name) ?? copyOf(update, entry);
        const elements = elementCount(entry.shape);
        const buffer = new DTYPES[entry.dtype](Math.min(SLICE_ELEMENTS, elements));
        for (let start = 0; start < elements; start += buffer.length) {
          const out = buffer.subarray(0, Math.min(buffer.length, elements - start));
          await fill(start, out);
          if (isFloat(entry)) requireFinite(entry.name, out, start);
          await append(bytesOf(out));
        }
      }
    });
  });
}

/** Fills `out` with the elements of one array from `start` on; it is asked for them in order. */
type Fill = (start: number, out: NumericArray) => Promise<void>;

async function fillersOf(
  update: TensorFile,
  sent: TensorLayout,
  packing: Packing,
): Promise<ReadonlyMap<string, Fill>> {
  const floats = sent.filter(isFloat);
  const beside = entryOf(update, BESIDE);
  if (packing.name === 'top_k') {
    let first = 0;
    // One array is filled to its end before the next: a model may have thousands.
    const held = { places: new Int32Array(SLICE_ELEMENTS), values: new Float32Array(SLICE_ELEMENTS) };
    return new Map(
      floats.map((entry) => {
        const places = { entry: beside, first, held };
        first += elementCount(entryOf(update, entry.name).shape);
        return [entry.name, placed(update, entry, places)];
      }),
    );
  }
  const scales = new Float64Array(floats.length);
  await readInto(update, beside, { start: 0, values: scales });
  return new Map(
    floats.map(({ name }, at) => [name, scaled(update, name, scaleOf(name, scales[at] ?? Number.NaN))]),
  );
}

function scaleOf(name: string, scale: number): number {
  if (scale >= 0 && Number.isFinite(scale)) return scale;
  throw unreadable(name, `its scale is ${scale}`);
}

function scaled(update: TensorFile, name: string, scale: number): Fill {
  const packed = entryOf(update, name);
  const isHalf = packed.dtype === 'int16';
  return async (start, out) => {
    const values = new DTYPES[packed.dtype](out.length);
    await readInto(update, packed, { start, values });
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? 0;
      // A scale and 127 stand for the largest number, so that nothing is packed as -128.
      if (isHalf ? Number.isNaN(fromFloat16(value)) : value === -128)
        throw unreadable(name, `nothing is packed as it stands at index ${start + index}`);
      out[index] = scale * (isHalf ? fromFloat16(value) : value);
    }
  };
}

/** Where the places of an array begin among those of all. */
interface Places {
  readonly entry: TensorEntry;
  readonly first: number;
  /** What was read last, for whichever array is filled. */
  readonly held: { readonly places: Int32Array; readonly values: Float32Array };
}

/** Zeros, with the values that were sent at their places. */
function placed(
  update: TensorFile,
  { name, shape }: TensorEntry,
  { entry: beside, first, held: { places, values } }: Places,
): Fill {
  const packed = entryOf(update, name);
  const [all, elements] = [elementCount(packed.shape), elementCount(shape)];
  let [at, read, last] = [0, 0, -1];
  const more = async () => {
    const length = Math.min(SLICE_ELEMENTS, all - read);
    await readInto(update, beside, { start: first + read, values: places.subarray(0, length) });
    await readInto(update, packed, { start: read, values: values.subarray(0, length) });
    read += length;
  };
  return async (start, out) => {
    out.fill(0);
    for (; at < all; at++) {
      if (at === read) await more();
      const place = places[at % SLICE_ELEMENTS] ?? 0;
      if (place <= last) throw unreadable(name, `its place ${place} is given twice, or out of order`);
      if (place >= elements) throw unreadable(name, `its place ${place} is none of ${elements} elements`);
      if (place >= start + out.length) return;
      out[place - start] = values[at % SLICE_ELEMENTS] ?? 0;
      last = place;
    }
  };
}

function copyOf(update: TensorFile, { name }: TensorEntry): Fill {
  const entry = entryOf(update, name);
  return async (start, out) => readInto(update, entry, { start, values: out });
}

function entryOf(file: TensorFile, name: string): TensorEntry {
  const found = file.entry(name);
  if (!found) throw new Error(`${file.path} has no array '${name}'.`);
  return found;
}

function unreadable(name: string, reason: string) {
  return flError('NF_TENSORS_PACKED', { name, reason });
}

/** @param look is given the arrays of the model that the update has; all of them where it has none, or may lack none */
async function whileOpen<Result>(
  { path, model: modelPath, mayLack }: PackedFile,
  look: (update: TensorFile, sent: TensorLayout) => Promise<Result>,
): Promise<Result> {
  const files = await openTensorFiles([path, modelPath]);
  try {
    const [update, model] = files;
    if (!update || !model) throw new Error('A file is missing.');
    const names = new Set(update.layout.map(({ name }) => name));
    const sent = model.layout.filter(({ name }) => names.has(name));
    return await look(update, mayLack && sent.length > 0 ? sent : model.layout);
  } finally {
    await closeTensorFiles(files);
  }
}
