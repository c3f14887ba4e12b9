import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beyondBounds } from '../../../src/runtime/base/json-bounds.ts';

const ANY = { depth: Number.POSITIVE_INFINITY, values: Number.POSITIVE_INFINITY };
const partsOf = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : [];
const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...partsOf(value).map(depthOf)) : 0;
const countOf = (value: unknown): number =>
  1 + partsOf(value).reduce<number>((n, part) => n + countOf(part), 0);
const emptyOf = (value: unknown): number =>
  typeof value === 'object' && value !== null && partsOf(value).length === 0
    ? 1
    : partsOf(value).reduce<number>((n, part) => n + emptyOf(part), 0);

describe('the bounds of a JSON text', () => {
  it('are those of its value, whatever its strings hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (given) => {
        const text = JSON.stringify(given);
        const value: unknown = JSON.parse(text);
        const depth = depthOf(value);
        const values = countOf(value) + emptyOf(value);
        expect(beyondBounds(text, { depth, values })).toBe(undefined);
        if (depth > 0) expect(beyondBounds(text, { ...ANY, depth: depth - 1 })).toBe('depth');
        expect(beyondBounds(text, { ...ANY, values: values - 1 })).toBe('values');
      }),
      { seed: 11 },
    );
  });

  it.each(['"[[[[', '"\\"[[[[[', '"\\\\"', '', ']]]]', '"', '",,,,"'])('%j is small', (text) => {
    expect(beyondBounds(text, { depth: 2, values: 3 })).toBe(undefined);
  });

  it('need no end to be known', () => {
    const bounds = { depth: 100, values: 1000 };
    expect(beyondBounds('['.repeat(1_000_000), bounds)).toBe('depth');
    expect(beyondBounds('{"a":'.repeat(1_000_000), bounds)).toBe('depth');
    expect(beyondBounds('"\\\\"[[[', { ...bounds, depth: 2 })).toBe('depth');
    expect(beyondBounds(`[${'{},'.repeat(1_000_000)}`, bounds)).toBe('values');
  });
});
