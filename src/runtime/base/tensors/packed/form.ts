import { flError } from '../../errors/errors.ts';
import { compareText } from '../../text/compare-text.ts';
import { elementCount, isFloat, type NdArray } from '../nd-array.ts';
import { planSafetensors } from '../safetensors.ts';

/**
 * How the arrays of an update travel in fewer bytes: as numbers of 16 or 8 bits with a scale for each array, or as its largest values
 * with their places. An update is packed as differences to the received model. It stays a safetensors file: each array of floats has its
 * numbers under its own name, and scales or places lie under the name that no array has. Arrays of integers are as they were.
 */
export type Packing =
  | { readonly name: 'float16' }
  | { readonly name: 'int8' }
  | { readonly name: 'top_k'; readonly ratio: number };

/** Of arrays that travel with masks on them. */
export const MASKED_ENCODING = 'masked.1';
/** What results call these forms; another form is another name. */
export const PACKED_ENCODINGS = { float16: 'float16.1', int8: 'int8.1', top_k: 'top_k.1' } as const;

/** Name of the scales, or places, of all arrays of floats in the order of their names. */
export const BESIDE = '';

type Form = Pick<NdArray, 'dtype' | 'shape'> & { readonly name: string };

/** Places are of 32 bits. */
const MOST_ELEMENTS = 2 ** 31 - 1;

/** What the file of an update with these arrays holds. @param arrays as they are in the model @throws NF_TENSORS_PACKED */
export function packedForms(arrays: readonly Form[], packing: Packing): Form[] {
  const sorted = [...arrays].sort((a, b) => compareText(a.name, b.name));
  const floats = sorted.filter(isFloat);
  const unusable = floats.find(({ name, shape }) => name === BESIDE || elementCount(shape) > MOST_ELEMENTS);
  if (unusable)
    throw flError('NF_TENSORS_PACKED', {
      name: unusable.name,
      reason: `a name and at most ${MOST_ELEMENTS} elements are needed`,
    });
  const forms = sorted.map((form): Form => (isFloat(form) ? packedForm(form, packing) : form));
  if (packing.name !== 'top_k') return [...forms, { name: BESIDE, dtype: 'float64', shape: [floats.length] }];
  const places = floats.reduce((sum, { shape }) => sum + chosenOf(elementCount(shape), packing.ratio), 0);
  return [...forms, { name: BESIDE, dtype: 'int32', shape: [places] }];
}

/** Bytes of the file of an update with these arrays. @param packing undefined: they travel as they are */
export function updateSize(
  params: Readonly<Record<string, Pick<NdArray, 'dtype' | 'shape'>>>,
  packing: Packing | undefined,
): number {
  const forms = Object.entries(params).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const { header, layout } = planSafetensors(packing ? packedForms(forms, packing) : forms);
  return layout.reduce((sum, { byteLength }) => sum + byteLength, header.length);
}

function packedForm({ name, shape }: Form, packing: Packing): Form {
  if (packing.name === 'float16') return { name, dtype: 'int16', shape };
  if (packing.name === 'int8') return { name, dtype: 'int8', shape };
  return { name, dtype: 'float32', shape: [chosenOf(elementCount(shape), packing.ratio)] };
}

/** Numbers of an array that travel: that share of them, rounded up. */
export function chosenOf(elements: number, ratio: number): number {
  return Math.min(elements, Math.ceil(ratio * elements));
}
