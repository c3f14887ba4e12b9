import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { jobYaml } from '../../src/runtime/job/job-yaml.ts';

it('any definition that a program makes is read as it was written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { maxKeys: 5 }), (args) => {
      expect(parse(jobYaml({ version: 1, executor: { args } }))).toEqual({
        version: 1,
        executor: { args: asJson(args) },
      });
    }),
    { numRuns: 300 },
  );
});

/** Keys in no order that counts, -0 as 0. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
