import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeeper } from '../../../src/runtime/kernel/json-depth.ts';

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

describe('the depth of a JSON text', () => {
  it('is that of its value, whatever its strings hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const depth = depthOf(JSON.parse(text));
        expect(isDeeper(text, depth)).toBe(false);
        if (depth > 0) expect(isDeeper(text, depth - 1)).toBe(true);
      }),
      { seed: 11 },
    );
  });

  it.each(['"[[[[', '"\\"[[[[[', '"\\\\"', '', ']]]]', '"'])('%j is not deep', (text) => {
    expect(isDeeper(text, 2)).toBe(false);
  });

  it('needs no end to be known', () => {
    expect(isDeeper('['.repeat(1_000_000), 100)).toBe(true);
    expect(isDeeper('{"a":'.repeat(1_000_000), 100)).toBe(true);
    expect(isDeeper('"\\\\"[[[', 2)).toBe(true);
  });
});
