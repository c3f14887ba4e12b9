import fc from 'fast-check';
import {
  DTYPES,
  type DType,
  elementCount,
  type NdArray,
  type ParamSet,
} from '../../src/runtime/base/tensors/nd-array.ts';

export const dtype: fc.Arbitrary<DType> = fc.constantFrom(...(Object.keys(DTYPES) as DType[]));
export const shape = fc.array(fc.nat(4), { maxLength: 3 });

/** Names as scripts use them, and odd ones. */
export const arrayName = fc
  .oneof(
    fc.constantFrom('a', 'conv1/kernel', 'ä', 'toString', 'b.0', ' '),
    fc.string({ minLength: 1, maxLength: 8 }),
  )
  .filter((name) => name !== '__proto__' && name !== '__metadata__');

/** An array whose elements its dtype holds exactly. */
export function ndArray(type: DType, sizes: readonly number[]): fc.Arbitrary<NdArray> {
  const length = elementCount(sizes);
  return fc
    .array(elementOf(type), { minLength: length, maxLength: length })
    .map((elements) => ({ dtype: type, shape: [...sizes], data: DTYPES[type].from(elements) }));
}

export const anyArray = fc.tuple(dtype, shape).chain(([type, sizes]) => ndArray(type, sizes));

export const paramSet: fc.Arbitrary<ParamSet> = fc.dictionary(arrayName, anyArray, { maxKeys: 5 });

/** Several sets of the same form. */
export const sameFormSets = (count: number): fc.Arbitrary<ParamSet[]> =>
  fc.dictionary(arrayName, fc.tuple(dtype, shape), { minKeys: 1, maxKeys: 4 }).chain((forms) => {
    const set = fc.record(
      Object.fromEntries(Object.entries(forms).map(([name, [type, sizes]]) => [name, ndArray(type, sizes)])),
    );
    return fc.array(set, { minLength: count, maxLength: count });
  });

export function float32(data: readonly number[], sizes: readonly number[] = [data.length]): NdArray {
  return { dtype: 'float32', shape: [...sizes], data: Float32Array.from(data) };
}

function elementOf(type: DType): fc.Arbitrary<number> {
  if (type === 'float64') return fc.double({ noNaN: true, min: -1e6, max: 1e6 });
  if (type === 'float32') return fc.float({ noNaN: true, min: -1e6, max: 1e6 });
  const bits = 8 * DTYPES[type].BYTES_PER_ELEMENT;
  return type === 'uint8' ? fc.nat(255) : fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
}
