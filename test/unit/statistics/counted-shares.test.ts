import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOfCounts } from '../../../src/runtime/statistics/counted-shares.ts';
import { estimateOf, indexGroups, meanOfShares, shareOf } from '../../../src/runtime/statistics/figure.ts';

const share = fc
  .integer({ min: 1, max: 40 })
  .chain((of) => fc.tuple(fc.integer({ min: 0, max: of }), fc.constant(of)));

/** The same of rows, each a group of its own. */
function ofRows(shares: readonly (readonly [number, number])[]) {
  const rows = shares.flatMap(([counted, of], part) =>
    Array.from({ length: of }, (_, at) => ({ part, holds: at < counted ? 1 : 0 })),
  );
  const groups = indexGroups(rows.map((_, at) => String(at)));
  const holds = rows.map((row) => row.holds);
  const figures = shares.map((_, part) =>
    shareOf(holds, groups, { among: rows.map((row) => (row.part === part ? 1 : 0)) }),
  );
  return estimateOf(shares.length === 1 ? figures[0] : meanOfShares(figures));
}

describe('a figure of counts', () => {
  it('has the interval that its rows give, one by one', () => {
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 5 }), (shares) => {
        const [found, expected] = [meanOfCounts(shares), ofRows(shares)];
        for (const key of ['value', 'low', 'high'] as const)
          expect(found[key]).toBeCloseTo(Number(expected[key]), 10);
      }),
    );
  });

  it('is Wilson’s of one share: 9 of 10 are 60 to 98 %', () => {
    const { value, low, high } = meanOfCounts([[9, 10]]);
    expect([value, low, high].map((bound) => Number(bound).toFixed(3))).toEqual(['0.900', '0.596', '0.982']);
  });

  it('is undefined where a part has no examples, or there is none', () => {
    const none = { value: null, low: null, high: null };
    expect(
      meanOfCounts([
        [1, 2],
        [0, 0],
      ]),
    ).toEqual(none);
    expect(meanOfCounts([])).toEqual(none);
  });
});
