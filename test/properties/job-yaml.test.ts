import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { jobYaml } from '../../src/runtime/job/job-yaml.ts';

it('any definition that a program makes is read as it was written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { maxKeys: 5 }), (args) => {
      const written = { version: 1, executor: { args } };
      expect(asJson(parse(jobYaml(written)))).toEqual(asJson(written));
    }),
    { numRuns: 300 },
  );
});

/** As JSON holds it, where -0 is 0. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
