import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkModelFile,
  checkUpdateFile,
  requireCanonical,
} from '../../../../src/runtime/base/tensors/check-file.ts';
import { DTYPES, type DType, type ParamSet } from '../../../../src/runtime/base/tensors/nd-array.ts';
import { encodeSafetensors } from '../../../../src/runtime/base/tensors/safetensors.ts';
import { writeModel } from '../../../support/model-files.ts';
import { openFilesOf } from '../../../support/open-files.ts';
import { float32, paramSet } from '../../../support/param-sets.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;
let model = '';

const write = (params: ParamSet) => writeModel(folder, String(count++), params);
const params = (): ParamSet => ({
  bias: { dtype: 'float64', shape: [2], data: Float64Array.of(1, 2) },
  steps: { dtype: 'int32', shape: [], data: Int32Array.of(7) },
  weights: float32([1, 2, 3, 4, 5, 6], [2, 3]),
});
const check = async (update: ParamSet) => checkUpdateFile(await write(update), model);

beforeEach(async () => {
  model = await write(params());
});

describe('the file of an update', () => {
  it('is taken with the names, shapes and dtypes of the model', async () => {
    await check(params());
    await check({ ...params(), weights: float32([-1, 0, 1e38, -1e-45, 0, 0], [2, 3]) });
  });

  it('may lack arrays that its site kept, which is asked for where a script itself sends it', async () => {
    const { bias: _, ...rest } = params();
    await check(rest);
    await expect(requireCanonical(await write(rest), model)).rejects.toMatchObject({
      code: 'NF_TENSORS_NAMES',
      message: expect.stringContaining("missing 'bias'"),
    });
  });

  it.each<[string, (update: ParamSet) => ParamSet, string, string]>([
    ['an array more', (all) => ({ ...all, more: float32([1]) }), 'NF_TENSORS_NAMES', "unknown 'more'"],
    [
      'an array renamed',
      ({ bias, ...rest }) => ({ ...rest, Bias: bias ?? float32([]) }),
      'NF_TENSORS_NAMES',
      "unknown 'Bias'",
    ],
    ['no array', () => ({}), 'NF_TENSORS_NAMES', "missing 'bias', 'steps', 'weights'"],
    [
      'another shape',
      (all) => ({ ...all, weights: float32([1, 2, 3, 4, 5, 6], [3, 2]) }),
      'NF_TENSORS_SHAPE',
      'float32[3, 2]',
    ],
    [
      'another rank',
      (all) => ({ ...all, weights: float32([1, 2, 3, 4, 5, 6]) }),
      'NF_TENSORS_SHAPE',
      'float32[6]',
    ],
    [
      'more elements',
      (all) => ({ ...all, bias: { dtype: 'float64', shape: [3], data: Float64Array.of(1, 2, 3) } }),
      'NF_TENSORS_SHAPE',
      'float64[3]',
    ],
    ['no elements', (all) => ({ ...all, weights: float32([], [0, 3]) }), 'NF_TENSORS_SHAPE', 'float32[0, 3]'],
    ['another dtype', (all) => ({ ...all, bias: float32([1, 2]) }), 'NF_TENSORS_SHAPE', 'float32[2]'],
    [
      'whole numbers for a float',
      (all) => ({
        ...all,
        weights: { dtype: 'int32', shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6) },
      }),
      'NF_TENSORS_SHAPE',
      'int32[2, 3]',
    ],
  ])('is refused with %s', async (_, change, code, text) => {
    await expect(check(change(params()))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'is refused with %d at any place, which is named',
    async (value) => {
      for (let index = 0; index < 6; index++) {
        const weights = float32([1, 2, 3, 4, 5, 6].with(index, value), [2, 3]);
        await expect(check({ ...params(), weights })).rejects.toMatchObject({
          code: 'NF_TENSORS_NOT_FINITE',
          message: expect.stringMatching(new RegExp(`weights.*${index}|${index}.*weights`)),
        });
      }
      const bias = { dtype: 'float64', shape: [2], data: Float64Array.of(0, value) } as const;
      await expect(check({ ...params(), bias })).rejects.toMatchObject({ code: 'NF_TENSORS_NOT_FINITE' });
    },
  );

  it('is not refused for large numbers whose sum is not finite', async () => {
    const bias = { dtype: 'float64', shape: [2], data: Float64Array.of(1.7e308, 1.7e308) } as const;
    await check({ ...params(), bias });
  });

  it.each([0, 1_048_575, 1_048_576, 1_048_577, 2_500_000 - 1])(
    'is looked through to its end: element %d of a long array',
    async (index) => {
      const long = new Float32Array(2_500_000);
      const reference = await write({ long: { dtype: 'float32', shape: [long.length], data: long } });
      long[index] = Number.NaN;
      const path = await write({ long: { dtype: 'float32', shape: [long.length], data: long } });
      await expect(checkUpdateFile(path, reference)).rejects.toMatchObject({
        code: 'NF_TENSORS_NOT_FINITE',
        message: expect.stringContaining(String(index)),
      });
    },
  );

  it.each([0, 1, 7, 8, 20, 'half', 'but one byte'] as const)(
    'is refused when it was cut to %s',
    async (to) => {
      const path = await write(params());
      const size = encodeSafetensors(params()).length;
      await truncate(path, to === 'half' ? size / 2 : to === 'but one byte' ? size - 1 : to);
      await expect(checkUpdateFile(path, model)).rejects.toMatchObject({
        code: 'NF_TENSORS_FILE',
        place: { file: path },
      });
    },
  );

  it.each(['', 'x', 'PK\u0003\u0004 a zip file', '{"weights": [1, 2]}'])('is refused as %j', async (text) => {
    const path = join(folder, `odd-${count++}`);
    await writeFile(path, text);
    await expect(checkUpdateFile(path, model)).rejects.toMatchObject({ code: 'NF_TENSORS_FILE' });
  });

  it('is refused with bytes after its end', async () => {
    const path = join(folder, `long-${count++}`);
    await writeFile(path, Buffer.concat([encodeSafetensors(params()), Buffer.from('x')]));
    await expect(checkUpdateFile(path, model)).rejects.toMatchObject({ code: 'NF_TENSORS_FILE' });
  });

  it('fails where there is none, or no model', async () => {
    await expect(checkUpdateFile(join(folder, 'none'), model)).rejects.toThrow('ENOENT');
    await expect(checkUpdateFile(model, join(folder, 'none'))).rejects.toThrow('ENOENT');
  });

  it.runIf(process.platform === 'linux')('leaves no file open, whichever of the two is bad', async () => {
    const [update, bad] = [await write(params()), join(folder, `bad-${count++}`)];
    await writeFile(bad, 'no model');
    for (const [path, of] of [
      [update, bad],
      [bad, update],
      [update, join(folder, 'none')],
      [update, update],
    ] as const)
      for (const check of [checkUpdateFile, requireCanonical]) await check(path, of).catch(() => undefined);
    expect(await openFilesOf([update, bad])).toEqual([]);
  });
});

describe('any set of arrays', () => {
  it('is a good model, and a good update to itself', async () => {
    await fc.assert(
      fc.asyncProperty(paramSet, async (any) => {
        const path = await write(any);
        await checkModelFile(path);
        await checkUpdateFile(path, path);
      }),
      { numRuns: 40 },
    );
  });

  it('is none with one value that is not finite', async () => {
    const floats = fc.constantFrom<DType>('float32', 'float64');
    const bad = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    await fc.assert(
      fc.asyncProperty(
        floats,
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        bad,
        async (dtype, length, at, value) => {
          const data = DTYPES[dtype].from(Array.from({ length }, (_, index) => index));
          data[at % length] = value;
          const path = await write({ ...params(), last: { dtype, shape: [length], data } });
          await expect(checkModelFile(path)).rejects.toMatchObject({ code: 'NF_TENSORS_NOT_FINITE' });
        },
      ),
      { numRuns: 40 },
    );
  });
});
