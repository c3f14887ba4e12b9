import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reducerOf } from '../../src/runtime/algorithms/registry.ts';
import { DTYPES, type ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import { closeTensorFiles, openTensorFiles } from '../../src/runtime/base/tensors/tensor-file.ts';
import { reduce } from '../../src/runtime/federation/reduce/reduce.ts';
import type { Contribution } from '../../src/runtime/federation/reduce/request.ts';
import { type Mask, opposite } from '../../src/runtime/masking/mask-stream.ts';
import { sharesOf } from '../../src/runtime/masking/ring.ts';
import { writeMasked } from '../../src/runtime/site/packing/write-masked.ts';
import { writeModel } from '../support/model-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const DTYPE = ['float32', 'float64', 'int32', 'float32'] as const;

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
          const dtype = DTYPE[at % DTYPE.length] ?? 'float32';
          const data = DTYPES[dtype].from(dtype === 'int32' ? values.map(Math.round) : values);
          return [`${9 - at}-array`, { dtype, shape: [values.length], data }];
        }),
      ),
    );

const cohort = fc
  .tuple(
    fc.integer({ min: 2, max: 5 }),
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
  )
  .chain(([sites, sizes]) =>
    fc.record({
      models: fc.array(model(sizes), { minLength: sites + 1, maxLength: sites + 1 }),
      weights: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: sites, maxLength: sites }),
      type: fc.constantFrom('FULL' as const, 'DIFF' as const),
      start: fc.integer({ min: 0, max: 50 }),
    }),
  );

describe('a model made of masked words', () => {
  it('is byte for byte the one that is made without masks', async () => {
    let turn = 0;
    await fc.assert(
      fc.asyncProperty(cohort, async ({ models: [base = {}, ...updates], weights, type, start }) => {
        turn += 1;
        const write = (name: string, params: ParamSet) => writeModel(folder, `${turn}-${name}`, params);
        const basePath = await write('base', base);
        const shares = sharesOf(weights);
        const own: Mask[] = [];
        const plain: Contribution[] = [];
        const masked: Contribution[] = [];
        for (const [at, update] of updates.entries()) {
          const site = `site-${at + 1}`;
          const weight = shares[at] ?? 0;
          const path = await write(site, update);
          const mask: Mask = { key: new Uint8Array(randomBytes(32)), sign: at % 2 === 0 ? 1 : -1 };
          own.push(mask);
          const files = await openTensorFiles([path, basePath]);
          const [opened, received] = files;
          if (!opened || !received) throw new Error(path);
          const target = `${path}.masked`;
          const sources = { update: opened, base: type === 'FULL' ? received : undefined };
          await writeMasked(target, sources, { site, share: weight, masks: [mask], start });
          await closeTensorFiles(files);
          plain.push({ site, weight, path, paramsType: type });
          masked.push({ site, weight, path: target, paramsType: 'DIFF' });
        }
        const masks = opposite(own).map(({ key, sign }) => ({ key: Buffer.from(key).toString('hex'), sign }));
        const made = async (name: string, contributions: Contribution[], ring: object) => {
          const target = join(folder, `${turn}-${name}`);
          const request = { base: { model: basePath }, targets: { model: target }, contributions };
          await reduce(reducerOf('weighted_mean'), { ...request, ring: { total: 1, ...ring } });
          return readFile(target);
        };
        const bytes = await made('plain', plain, {});
        expect(bytes.equals(await made('masked', masked, { masks, start }))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});
