import { describe, expect, it } from 'vitest';
import { checkParams, checkSameForm } from '../../../../src/runtime/base/tensors/check-params.ts';
import {
  elementCount,
  type NdArray,
  paramNames,
  zeros,
} from '../../../../src/runtime/base/tensors/nd-array.ts';
import { float32 } from '../../../support/param-sets.ts';

const array = (over: object) => ({ weights: { ...float32([1, 2]), ...over } });

describe('params', () => {
  it.each([
    ['nothing', undefined, "'params' is not a usable array"],
    ['null', null, 'not an object of named arrays'],
    ['a list', [float32([1])], 'not an object of named arrays'],
    ['a number', 5, 'not an object of named arrays'],
    ['an array that is null', { weights: null }, 'dtype is undefined'],
    ['a plain list', { weights: [1, 2] }, 'dtype is undefined'],
    ['a typed array without shape', { weights: Float32Array.of(1) }, 'dtype is undefined'],
    ['an unknown dtype', array({ dtype: 'float16' }), 'dtype is float16'],
    ['a dtype named as a method', array({ dtype: 'toString' }), 'dtype is toString'],
    ['a dtype named constructor', array({ dtype: 'constructor' }), 'dtype is constructor'],
    ['no shape', array({ shape: undefined }), 'shape is undefined'],
    ['a negative shape', array({ shape: [-2] }), 'shape is [-2]'],
    ['a shape of text', array({ shape: '2' }), 'shape is "2"'],
    ['a list as data', array({ data: [1, 2] }), 'data is not a Float32Array'],
    ['data of another dtype', array({ data: Float64Array.of(1, 2) }), 'data is not a Float32Array'],
    ['fewer elements than the shape', array({ shape: [3] }), 'data has 2 elements, the shape 3'],
    ['an empty name', { '': float32([1]) }, 'the name is reserved'],
    ['the name __metadata__', { __metadata__: float32([1]) }, 'the name is reserved'],
    ['the name __proto__', JSON.parse('{"__proto__":{}}'), 'the name is reserved'],
  ])('with %s are refused', (_, params, message) => {
    expect(() => checkParams(params)).toThrow(
      expect.objectContaining({ code: 'NF_TENSORS_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'with the value %s are refused, with its index',
    (value) => {
      expect(() => checkParams({ weights: float32([0, value]) })).toThrow(
        expect.objectContaining({
          code: 'NF_TENSORS_NOT_FINITE',
          message: `Array 'weights' holds ${value} at index 1.`,
        }),
      );
    },
  );

  it.each([
    ['no arrays', {}],
    ['a scalar', { loss: float32([1], []) }],
    ['an empty array', { none: float32([], [0]) }],
    ['integers', { count: { dtype: 'int32', shape: [1], data: Int32Array.of(-1) } }],
    ['names of methods', { constructor: float32([1]), toString: float32([2]) }],
  ])('with %s are fine', (_, params) => {
    expect(() => checkParams(params)).not.toThrow();
  });
});

describe('the form of params', () => {
  const global = { bias: float32([0]), weights: float32([1, 2]) };
  const compare = (params: Record<string, NdArray>) => () => checkSameForm(params, global);

  it('may come in any order', () => {
    expect(compare({ weights: float32([3, 4]), bias: float32([9]) })).not.toThrow();
  });

  it.each([
    ['a missing array', { weights: float32([1, 2]) }, "missing 'bias'"],
    ['an unknown array', { ...global, extra: float32([1]) }, "unknown 'extra'"],
    [
      'a renamed array',
      { bias: float32([0]), weight: float32([1, 2]) },
      "missing 'weights'; unknown 'weight'",
    ],
  ])('with %s is refused', (_, params, difference) => {
    expect(compare(params)).toThrow(
      expect.objectContaining({ code: 'NF_TENSORS_NAMES', message: expect.stringContaining(difference) }),
    );
  });

  it('shows three of many missing arrays', () => {
    const many = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, float32([1])]));
    expect(() => checkSameForm({}, many)).toThrow("missing 'a', 'b', 'c' and 2 more");
  });

  it.each([
    ['shape', float32([1, 2], [2, 1]), "Array 'weights' is float32[2, 1], the model has float32[2]."],
    ['dtype', zeros('float64', [2]), "Array 'weights' is float64[2], the model has float32[2]."],
    ['rank', float32([1], []), "Array 'weights' is float32[], the model has float32[2]."],
  ])('with another %s is refused', (_, weights, message) => {
    expect(compare({ ...global, weights })).toThrow(
      expect.objectContaining({ code: 'NF_TENSORS_SHAPE', message }),
    );
  });

  it('is not fooled by names of methods', () => {
    expect(() => checkSameForm({}, { constructor: float32([1]) })).toThrow("missing 'constructor'");
  });
});

describe('an array', () => {
  it.each([
    [[], 1],
    [[0], 0],
    [[2, 3], 6],
    [[2, 0, 3], 0],
  ])('of shape %j has %d elements', (shape, count) => {
    expect(elementCount(shape)).toBe(count);
    expect(zeros('int8', shape).data).toHaveLength(count);
  });

  it('is named in one order', () => {
    expect(paramNames({ b: float32([]), B: float32([]), a: float32([]) })).toEqual(['B', 'a', 'b']);
  });
});
