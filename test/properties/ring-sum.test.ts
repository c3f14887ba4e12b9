import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reducerOf } from '../../src/runtime/algorithms/registry.ts';
import { DTYPES, type ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { reduce } from '../../src/runtime/federation/reduce/reduce.ts';
import { sharesOf } from '../../src/runtime/masking/ring.ts';
import { readModel, writeModel } from '../support/model-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

/** Models of which some numbers are whole, others any within what the ring takes. */
const model = (sizes: readonly number[]): fc.Arbitrary<ParamSet> =>
  fc
    .tuple(
      ...sizes.map((size) =>
        fc.array(fc.double({ min: -7.5, max: 7.5, noNaN: true }), { minLength: size, maxLength: size }),
      ),
    )
    .map((arrays) =>
      Object.fromEntries(
        arrays.map((values, at) => {
          const dtype = (['float32', 'float64', 'int32'] as const)[at % 3] ?? 'float32';
          const whole = dtype === 'int32' ? values.map(Math.round) : values;
          return [`array-${at}`, { dtype, shape: [values.length], data: DTYPES[dtype].from(whole) }];
        }),
      ),
    );

const cohort = fc
  .tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
  )
  .chain(([sites, sizes]) =>
    fc.record({
      models: fc.array(model(sizes), { minLength: sites + 1, maxLength: sites + 1 }),
      weights: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: sites, maxLength: sites }),
      gone: fc.subarray(Array.from({ length: sites - 1 }, (_, at) => at)),
      type: fc.constantFrom('FULL' as const, 'DIFF' as const),
    }),
  );

/** Halves up, in whole numbers of any size. */
const onGrid = (value: number) => BigInt(Math.floor(value * 2 ** 26 + 0.5));

describe('a sum on the grid', () => {
  it('is that of the whole computation in integers without bounds, whoever drops out', async () => {
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(cohort, async ({ models: [base = {}, ...updates], weights, gone, type }) => {
        const place = (name: string) => join(folder, `${turn}-${name}.safetensors`);
        turn += 1;
        const write = (name: string, params: ParamSet) => writeModel(folder, `${turn}-${name}`, params);
        await write('base', base);
        const shares = sharesOf(weights);
        const there = updates.flatMap((update, at) =>
          gone.includes(at) ? [] : [{ update, share: shares[at] ?? 0, site: `site-${at + 1}` }],
        );
        for (const { update, site } of there) await write(site, update);
        const target = place('made');
        await reduce(reducerOf('weighted_mean'), {
          base: { model: place('base') },
          targets: { model: target },
          ring: { total: 1 },
          contributions: there.map(({ site, share }) => ({
            site,
            weight: share,
            path: place(site),
            paramsType: type,
          })),
        });
        const made = await readModel(target);
        const all = there.reduce((sum, { share }) => sum + share, 0);
        for (const [name, { data, dtype }] of Object.entries(base)) {
          for (let index = 0; index < data.length; index++) {
            const before = data[index] ?? 0;
            const words = there.map(({ update, share }) => {
              const sent = update[name]?.data[index] ?? 0;
              return onGrid((type === 'FULL' ? sent - before : sent) * share);
            });
            const mean = Number(words.reduce((sum, word) => sum + word, 0n)) * (2 ** -26 / all);
            const wanted = dtype === 'int32' ? Math.round(before + mean) : before + mean;
            expect(made[name]?.data[index]).toBe(DTYPES[dtype].of(wanted)[0]);
            const exact = there.reduce((sum, { update, share }) => {
              const sent = update[name]?.data[index] ?? 0;
              return sum + (share / all) * (type === 'FULL' ? sent - before : sent);
            }, 0);
            expect(Math.abs(mean - exact)).toBeLessThanOrEqual((there.length * 2 ** -27) / all + 1e-12);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is refused where a site sends fewer arrays than others, or what the ring has no room for', async () => {
    const floats = (value: number) => ({
      dtype: 'float32' as const,
      shape: [1],
      data: Float32Array.of(value),
    });
    const base = await writeModel(folder, 'base', { a: floats(0), b: floats(0) });
    const sums = async (other: ParamSet) =>
      reduce(reducerOf('weighted_mean'), {
        base: { model: base },
        targets: { model: join(folder, 'none.safetensors') },
        ring: { total: 1 },
        contributions: [
          { site: 'site-1', weight: 0.5, path: base, paramsType: 'FULL' },
          { site: 'site-2', weight: 0.5, path: await writeModel(folder, 'other', other), paramsType: 'FULL' },
        ],
      });
    await expect(sums({ a: floats(1) })).rejects.toMatchObject({
      code: 'NF_SECAGG_ARRAYS',
      place: { site: 'site-2' },
    });
    await expect(sums({ a: floats(1), b: floats(-16.5) })).rejects.toMatchObject({
      code: 'NF_SECAGG_RANGE',
      message:
        "An update of site-2 cannot be summed up in secret: 'b' differs by -16.5 at index 0, and ±16 is the most.",
      place: { site: 'site-2' },
    });
    await expect(sums({ a: floats(16), b: floats(-16) })).resolves.toBeDefined();
  });
});
