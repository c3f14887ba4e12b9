/**
 * Elements at indices that lie inside by construction: a wrong index is an error at once, and neither `undefined` nor a zero in a result.
 *
 * There is one function for each kind of array. One for all kinds is 20 times slower in a hot loop once it has met several of them (V8
 * keeps what it has seen by function), while these cost nothing beside `array[index] as number`.
 */

export function f64At(array: Float64Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

export function f32At(array: Float32Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

export function i32At(array: Int32Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

export function u32At(array: Uint32Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

export function u16At(array: Uint16Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

export function u8At(array: Uint8Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw outside(array, index);
  return value;
}

/** Of a list of numbers. */
export function numberAt(list: readonly number[], index: number): number {
  const value = list[index];
  if (value === undefined) throw outside(list, index);
  return value;
}

function outside({ length }: ArrayLike<number>, index: number): RangeError {
  return new RangeError(`There is no element ${index} of ${length}.`);
}
