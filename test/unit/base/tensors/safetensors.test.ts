import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../../../src/runtime/base/tensors/safetensors.ts';
import { openTensorFile } from '../../../../src/runtime/base/tensors/tensor-file.ts';
import { float32 } from '../../../support/param-sets.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();

/** A file with this header text, and zeros as data. */
function fileOf(header: unknown, dataBytes = 0, claimed?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(claimed ?? text.length), true);
  file.set(text, 8);
  return file;
}

const F32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

const REFUSED: readonly [string, Uint8Array, string][] = [
  ['an empty file', new Uint8Array(), 'shorter than 8 bytes'],
  ['seven bytes', new Uint8Array(7), 'shorter than 8 bytes'],
  ['a header length beyond the file', fileOf('{}', 0, 3), 'its header claims 3 bytes'],
  ['a header length of 2^63', fileOf('{}', 0, 2 ** 63), 'its header claims'],
  [
    'a header of more than any model needs',
    fileOf(`{}${' '.repeat(10_000_000)}`, 0),
    'its header claims 10000002 bytes',
  ],
  [
    'a header of values without end',
    fileOf(`{"a":[${'{},'.repeat(2_000_000)}0]}`, 0),
    'not a JSON object of arrays',
  ],
  ['a header of lists in lists', fileOf(`{"a":{"shape":[[]]}}`, 0), 'not a JSON object of arrays'],
  ['a header that is no JSON', fileOf('{"a"'), 'not a JSON object'],
  ['a header that is a list', fileOf([]), 'not a JSON object'],
  ['a header that is null', fileOf('null'), 'not a JSON object'],
  ['a header that is no UTF-8', fileOf('{"\u0000\ud800": 1}').fill(0xff, 10), 'not a JSON object'],
  ['an array that is null', fileOf({ a: null }), "'a' has the unsupported dtype undefined"],
  [
    'a foreign dtype',
    fileOf({ a: { ...F32(0, 4), dtype: 'BF16' } }, 4),
    "'a' has the unsupported dtype BF16",
  ],
  ['a dtype named as a method', fileOf({ a: { ...F32(0, 4), dtype: 'toString' } }, 4), 'unsupported dtype'],
  [
    'a dtype named constructor',
    fileOf({ a: { ...F32(0, 4), dtype: 'constructor' } }, 4),
    'unsupported dtype',
  ],
  ['no shape', fileOf({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4), 'no valid shape'],
  ['a shape of text', fileOf({ a: F32(0, 4, ['1']) }, 4), 'no valid shape'],
  ['a negative shape', fileOf({ a: F32(0, 4, [-1]) }, 4), 'no valid shape'],
  ['a fraction as shape', fileOf({ a: F32(0, 4, [0.5]) }, 4), 'no valid shape'],
  [
    'three offsets',
    fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 4),
    'no valid shape',
  ],
  ['a shape that overflows', fileOf({ a: F32(0, 4, [2 ** 52, 2 ** 52]) }, 4), 'its shape needs'],
  [
    'fewer bytes than the shape needs',
    fileOf({ a: F32(0, 4, [2]) }, 4),
    "'a' has 4 bytes, its shape needs 8",
  ],
  [
    'offsets the wrong way round',
    fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4),
    'needs 4',
  ],
  ['a gap', fileOf({ a: F32(4, 8) }, 8), "'a' leaves a gap"],
  ['an overlap', fileOf({ a: F32(0, 8), b: F32(4, 12) }, 12), 'overlaps another array'],
  ['two arrays on one place', fileOf({ a: F32(0, 8), b: F32(0, 8) }, 8), 'overlaps another array'],
  ['bytes after the last array', fileOf({ a: F32(0, 4) }, 5), 'its header describes'],
  ['missing data', fileOf({ a: F32(0, 8) }, 4), 'its header describes'],
  [
    'an array named __proto__',
    fileOf('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    '__proto__',
  ],
];

describe('a safetensors file', () => {
  it.each(REFUSED)('with %s is refused', (_, bytes, reason) => {
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(
      expect.objectContaining({ code: 'NF_TENSORS_FILE', message: expect.stringContaining(reason) }),
    );
  });

  it.each(REFUSED)('with %s is refused when it is opened for slices', async (_, bytes, reason) => {
    const path = join(folder, 'bad.safetensors');
    await writeFile(path, bytes);
    await expect(openTensorFile(path)).rejects.toMatchObject({
      code: 'NF_TENSORS_FILE',
      message: expect.stringContaining(reason),
      place: { file: path },
    });
  });

  it('may carry metadata, which is not read', () => {
    const bytes = fileOf({ __metadata__: { format: 'pt' }, a: F32(0, 4) }, 4);
    expect(Object.keys(decodeSafetensors(bytes, 'x'))).toEqual(['a']);
  });

  it('may hold its arrays in any order, unaligned', () => {
    const bytes = fileOf({ b: F32(1, 5), a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, 5);
    bytes.set([7, 0, 0, 128, 63], bytes.length - 5);
    const { a, b } = decodeSafetensors(bytes, 'x');
    expect([a?.data[0], b?.data[0]]).toEqual([7, 1]);
  });

  it('has the layout of the reference: length, JSON, data without gaps, widest first', () => {
    const bytes = encodeSafetensors({
      byte: { dtype: 'uint8', shape: [1], data: Uint8Array.of(9) },
      weights: float32([1, 2]),
    });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))).toEqual({
      weights: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      byte: { dtype: 'U8', shape: [1], data_offsets: [8, 9] },
    });
    expect(bytes.length).toBe(8 + length + 9);
    expect(bytes.at(-1)).toBe(9);
  });

  it('of nothing holds nothing', () => {
    expect(decodeSafetensors(encodeSafetensors({}), 'x')).toEqual({});
  });

  it('holds scalars and empty arrays', () => {
    const params = { scalar: float32([5], []), none: float32([], [0, 3]), also: float32([], [0]) };
    expect(decodeSafetensors(encodeSafetensors(params), 'x')).toEqual(params);
  });

  it('is decoded to copies: the bytes may be used again', () => {
    const bytes = encodeSafetensors({ a: float32([1]) });
    const { a } = decodeSafetensors(bytes, 'x');
    bytes.fill(0);
    expect(a?.data[0]).toBe(1);
  });

  it('that is missing says so', async () => {
    await expect(openTensorFile(join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});
