import { flError } from '../errors/errors.ts';
import { DTYPES, elementCount, type NdArray, type ParamSet, paramNames } from './nd-array.ts';
import { requireFinite } from './not-finite.ts';

/** Refuses what is not a set of well-formed arrays with finite values; the error names the array. */
export function checkParams(params: unknown): asserts params is ParamSet {
  if (!params || typeof params !== 'object' || Array.isArray(params)) {
    throw flError('NF_TENSORS_INVALID', { name: 'params', reason: 'it is not an object of named arrays' });
  }
  for (const [name, array] of Object.entries(params)) checkArray(name, array);
}

type ArrayForm = Pick<NdArray, 'dtype' | 'shape'>;
/** What arrays are called and look like, without their numbers. */
export type ParamForms = Readonly<Record<string, ArrayForm>>;

/** The same of two files. */
export function checkSameLayout(
  found: readonly (ArrayForm & { name: string })[],
  reference: readonly (ArrayForm & { name: string })[],
): void {
  const byName = (layout: readonly (ArrayForm & { name: string })[]) =>
    Object.fromEntries(layout.map((entry) => [entry.name, entry]));
  checkSameForm(byName(found), byName(reference));
}

/** Refuses names, shapes or dtypes that differ from the reference. */
export function checkSameForm(params: ParamForms, reference: ParamForms): void {
  const names = new Set(paramNames(params));
  const missing = paramNames(reference).filter((name) => !names.delete(name));
  if (missing.length > 0 || names.size > 0) {
    const parts = [
      ...(missing.length > 0 ? [`missing ${quote(missing)}`] : []),
      ...(names.size > 0 ? [`unknown ${quote([...names])}`] : []),
    ];
    throw flError('NF_TENSORS_NAMES', { difference: parts.join('; ') });
  }
  for (const [name, expected] of Object.entries(reference)) {
    const array = params[name];
    if (array && form(array) !== form(expected)) {
      throw flError('NF_TENSORS_SHAPE', { name, got: form(array), expected: form(expected) });
    }
  }
}

function checkArray(name: string, value: unknown): void {
  const { dtype, shape, data } = (value ?? {}) as Partial<NdArray>;
  const invalid = (reason: string) => flError('NF_TENSORS_INVALID', { name, reason });
  if (name === '__proto__' || name === '' || name === '__metadata__') throw invalid('the name is reserved');
  if (dtype === undefined || !Object.hasOwn(DTYPES, dtype)) throw invalid(`dtype is ${String(dtype)}`);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(`shape is ${JSON.stringify(shape)}`);
  }
  if (!(data instanceof DTYPES[dtype])) throw invalid(`data is not a ${DTYPES[dtype].name}`);
  if (data.length !== elementCount(shape))
    throw invalid(`data has ${data.length} elements, the shape ${elementCount(shape)}`);
  requireFinite(name, data);
}

function form(array: ArrayForm): string {
  return `${array.dtype}[${array.shape.join(', ')}]`;
}

function quote(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `'${name}'`);
  return shown.join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}
