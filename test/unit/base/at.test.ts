import { describe, expect, it } from 'vitest';
import { f32At, f64At, i32At, numberAt, u8At, u16At, u32At } from '../../../src/runtime/base/at.ts';

describe('an element', () => {
  it.each<[string, (index: number) => number]>([
    ['float64', (index) => f64At(Float64Array.of(1, 2), index)],
    ['float32', (index) => f32At(Float32Array.of(1, 2), index)],
    ['int32', (index) => i32At(Int32Array.of(1, 2), index)],
    ['uint32', (index) => u32At(Uint32Array.of(1, 2), index)],
    ['uint16', (index) => u16At(Uint16Array.of(1, 2), index)],
    ['uint8', (index) => u8At(Uint8Array.of(1, 2), index)],
    ['a list', (index) => numberAt([1, 2], index)],
  ])('of %s is read inside, and an error outside', (_, read) => {
    expect([read(0), read(1)]).toEqual([1, 2]);
    for (const index of [-1, 2, 0.5, Number.NaN])
      expect(() => read(index)).toThrow(new RangeError(`There is no element ${index} of 2.`));
  });
});
