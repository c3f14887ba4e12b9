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

/**
 * What all of these arrays can do. Named apart from their union, on which TypeScript refuses to call `map` or `reduce`;
 * `data instanceof Float32Array` narrows it.
 */
export interface NumericArray extends ArrayBufferView {
  readonly length: number;
  [index: number]: number;
  at(index: number): number | undefined;
  every(test: (value: number, index: number) => boolean): boolean;
  some(test: (value: number, index: number) => boolean): boolean;
  fill(value: number, start?: number, end?: number): this;
  findIndex(test: (value: number, index: number) => boolean): number;
  map(change: (value: number, index: number) => number): NumericArray;
  reduce<Total>(add: (total: Total, value: number, index: number) => Total, start: Total): Total;
  set(values: ArrayLike<number>, offset?: number): void;
  slice(start?: number, end?: number): NumericArray;
  subarray(start?: number, end?: number): NumericArray;
  [Symbol.iterator](): ArrayIterator<number>;
}

/** A dense array in row-major order; `data.length` is the product of `shape` (1 for the scalar shape `[]`). */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: NumericArray;
}

/** Named arrays: what FLModel calls `params`. Key order carries no meaning; every loop over it sorts. */
export type ParamSet = Readonly<Record<string, NdArray>>;

export function isFloat({ dtype }: { readonly dtype: DType }): boolean {
  return dtype.startsWith('float');
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The bytes of an array: the same memory. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A new array of zeros. */
export function zeros(dtype: DType, shape: readonly number[]): NdArray {
  return { dtype, shape: [...shape], data: new DTYPES[dtype](elementCount(shape)) };
}

/** The names of a set in the one order used everywhere. */
export function paramNames(params: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(params).sort();
}
