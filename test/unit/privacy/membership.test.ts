import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { judgeMembership, type Suspect } from '../../../src/runtime/evaluation/privacy-audit/membership.ts';

function suspects(members: number, others: number, lead: number, seed: number): Suspect[] {
  const random = createRandom('suspects', seed);
  return Array.from({ length: members + others }, (_, at) => ({
    group: `group-${at}`,
    site: `site-${at % 2}`,
    class: at % 3 === 0 ? 'rare' : 'common',
    isMember: at < members,
    score: random.normal() + (at < members ? lead : 0),
  }));
}

describe('how well members are told from others', () => {
  it('is counted over all pairs, and by sorting at a rate of false alarms', () => {
    const form = fc.record({
      members: fc.integer({ min: 10, max: 60 }),
      others: fc.integer({ min: 10, max: 300 }),
      lead: fc.double({ min: -1, max: 3, noNaN: true }),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(form, ({ members, others, lead, seed }) => {
        const all = suspects(members, others, lead, seed);
        const [own, rest] = [all.slice(0, members), all.slice(members)];
        const found = judgeMembership(all);
        const wins = own.flatMap((a) => rest.filter((b) => a.score > b.score)).length;
        expect(found.auc.value).toBeCloseTo(wins / members / others, 10);
        const [first] = found.at_rates;
        const allowed = Math.floor(others / 100);
        const scores = rest.map(({ score }) => score).sort((a, b) => b - a);
        const above = own.filter(({ score }) => score > (scores[allowed] ?? 0)).length;
        expect(first).toMatchObject({ false_positives: allowed, found: above });
      }),
      { numRuns: 40 },
    );
  });

  it('holds within its intervals, and says an epsilon where there is one', () => {
    const { auc, at_rates: rates } = judgeMembership(suspects(400, 400, 4, 1));
    expect(auc.low).toBeGreaterThan(0.98);
    expect(rates[0]?.epsilon).toBeGreaterThan(2.5);
    const chance = judgeMembership(suspects(400, 400, 0, 2));
    expect(chance.auc.low).toBeLessThan(0.5);
    expect(chance.at_rates.map(({ epsilon }) => epsilon)).toEqual([0, 0]);
  });

  it('is not said of a class or a site with few of either', () => {
    const found = judgeMembership(suspects(24, 24, 1, 3));
    expect(found.by_class.map((one) => one.class)).toEqual(['common']);
    expect(found.by_site.map(({ site }) => site)).toEqual(['site-0', 'site-1']);
  });
});
