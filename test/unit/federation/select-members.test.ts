import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectMembers } from '../../../src/runtime/federation/select-members.ts';

const SITES = Array.from({ length: 12 }, (_, index) => `site-${index + 1}`);
const ALL = { clientsPerRound: undefined, overSelection: 1, mandatory: [] };

describe('the members of a round', () => {
  it('are all sites, in site order, unless the job wants fewer', () => {
    expect(selectMembers(['site-10', 'site-2'], ALL, [1])).toEqual(['site-2', 'site-10']);
  });

  it('are as many as wanted, times the over-selection', () => {
    const wanted = { ...ALL, clientsPerRound: 4, overSelection: 1.3 };
    expect(selectMembers(SITES, wanted, [1])).toHaveLength(6);
    expect(selectMembers(SITES.slice(0, 5), wanted, [1])).toHaveLength(5);
  });

  it('include every mandatory site', () => {
    const wanted = { clientsPerRound: 2, overSelection: 1, mandatory: ['site-7', 'site-3', 'site-5'] };
    expect(selectMembers(SITES, wanted, [1])).toEqual(['site-3', 'site-5', 'site-7']);
  });

  it('follow from the seed, not from the order in which sites came', () => {
    const wanted = { ...ALL, clientsPerRound: 3 };
    fc.assert(
      fc.property(fc.shuffledSubarray(SITES, { minLength: 12 }), fc.nat(), (order, seed) => {
        expect(selectMembers(order, wanted, [seed])).toEqual(selectMembers(SITES, wanted, [seed]));
      }),
    );
  });

  it('change from round to round, and every site has its turn', () => {
    const wanted = { ...ALL, clientsPerRound: 3 };
    const rounds = Array.from({ length: 40 }, (_, round) => selectMembers(SITES, wanted, [0, 'job', round]));
    expect(new Set(rounds.flat())).toEqual(new Set(SITES));
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(20);
  });
});
