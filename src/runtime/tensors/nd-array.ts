/** Element types a parameter may have, by numpy's names, with the array that holds them. */
export const DTYPES = {
  float64: Float64Array,
  float32: Float32Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
} as const;

export type DType = keyof typeof DTYPES;
export type NumericArray = Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint8Array;

/** A dense array in row-major order; `data.length` is the product of `shape` (1 for the scalar shape `[]`). */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: NumericArray;
}

/** Named arrays: what FLModel calls `params`. Key order carries no meaning; every loop over it sorts. */
export type ParamSet = Readonly<Record<string, NdArray>>;

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A new array of zeros. */
export function zeros(dtype: DType, shape: readonly number[]): NdArray {
  return { dtype, shape: [...shape], data: new DTYPES[dtype](elementCount(shape)) };
}

/** The names of a set in the one order used everywhere. */
export function paramNames(params: ParamSet): string[] {
  return Object.keys(params).sort();
}
