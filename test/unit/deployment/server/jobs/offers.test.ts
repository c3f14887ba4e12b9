import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSites } from '../../../../../src/runtime/base/site-order.ts';
import { type OfferRules, Offers } from '../../../../../src/runtime/deployment/server/jobs/offers.ts';
import type { DecisionRecord } from '../../../../../src/runtime/deployment/store/server-store.ts';
import type { Decision } from '../../../../../src/runtime/network/messages/site.ts';

const RULES: OfferRules = { named: undefined, wanted: undefined, least: undefined, mandatory: [] };
const decision = (site: string, answer: Decision['answer']): DecisionRecord => ({
  site,
  answer,
  time: '2026-01-01T00:00:00.000Z',
});
/** `+site-1` accepted, `-site-2` refused, `?site-3` waits for approval. */
const WORDS = { '+': 'accepted', '-': 'refused', '?': 'waiting for approval' } as const;
const offers = (rules: Partial<OfferRules>, said = '') =>
  new Offers(
    { ...RULES, ...rules },
    said
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => decision(word.slice(1), WORDS[word[0] as '+'])),
  );

describe('who is asked', () => {
  it.each<[string, Partial<OfferRules>, string, string[], string[]]>([
    ['all that are there', {}, '', ['b', 'a'], ['a', 'b']],
    ['in site order', {}, '', ['site-10', 'site-2', 'site-1'], ['site-1', 'site-2', 'site-10']],
    ['nobody, where nobody is', {}, '', [], []],
    ['as many as are wanted', { wanted: 2 }, '', ['a', 'b', 'c'], ['a', 'b']],
    ['nobody, if none is wanted', { wanted: 0 }, '', ['a'], []],
    [
      'those the job cannot do without first',
      { wanted: 2, mandatory: ['c'] },
      '',
      ['a', 'b', 'c'],
      ['a', 'c'],
    ],
    ['those who are named alone', { named: ['b', 'x'] }, '', ['a', 'b', 'c'], ['b']],
    ['whoever accepted stays, though he is not there now', { wanted: 2 }, '+z', ['a', 'b'], ['a', 'z']],
    ['whoever thinks about it keeps his place', { wanted: 2 }, '?z', ['a', 'b'], ['a', 'z']],
    ['another one in the place of one who refused', { wanted: 2 }, '-a', ['a', 'b', 'c'], ['b', 'c']],
    ['nobody more when enough have accepted', { wanted: 2 }, '+a +b', ['a', 'b', 'c'], ['a', 'b']],
    ['all who accepted, though they are more than wanted', { wanted: 1 }, '+a +b', ['c'], ['a', 'b']],
  ])('is %s', (_, rules, said, eligible, expected) => {
    expect(offers(rules, said).askedOf(eligible)).toEqual(expected);
  });

  it('does not disturb the list it is asked of', () => {
    const eligible = Object.freeze(['b', 'a']);
    expect(offers({}).askedOf(eligible)).toEqual(['a', 'b']);
  });
});

describe('how many are needed', () => {
  it.each<[Partial<OfferRules>, string, number]>([
    [{ least: 2, wanted: 5, named: ['a', 'b', 'c'] }, '', 2],
    [{ wanted: 5, named: ['a', 'b', 'c'] }, '', 5],
    [{ named: ['a', 'b', 'c'] }, '', 3],
    [{}, '', 1],
    [{}, '+a +b', 2],
  ])('%j with %j: %d', (rules, said, least) => {
    expect(offers(rules, said).least()).toBe(least);
  });

  it.each<[Partial<OfferRules>, string, boolean]>([
    [{ least: 2 }, '+a', false],
    [{ least: 2 }, '+a ?b', false],
    [{ least: 2 }, '+a +b', true],
    [{ least: 2, mandatory: ['c'] }, '+a +b', false],
    [{ least: 2, mandatory: ['c'] }, '+a +b +c', true],
    [{ wanted: 2 }, '+a', false],
    [{}, '', false],
    [{}, '+a', true],
  ])('%j with %j is enough: %s', (rules, said, enough) => {
    expect(offers(rules, said).isEnough()).toBe(enough);
  });

  it.each<[Partial<OfferRules>, string, string[], boolean]>([
    [{ wanted: 2, least: 1 }, '+a', ['a', 'b'], false],
    [{ wanted: 2, least: 1 }, '+a +b', ['a', 'b'], true],
    [{ wanted: 2, least: 1 }, '+a ?b', ['a', 'b'], false],
    [{ least: 1 }, '+a', ['a'], true],
    [{ least: 1 }, '+a', ['a', 'b'], false],
  ])('%j with %j of %j: nobody else can answer: %s', (rules, said, asked, complete) => {
    expect(offers(rules, said).isComplete(asked)).toBe(complete);
  });
});

describe('a dead end', () => {
  it.each<[Partial<OfferRules>, string, string | undefined]>([
    [{}, '-a -b', undefined],
    [{ mandatory: ['b'] }, '-a', undefined],
    [{ mandatory: ['b'] }, '-a -b', 'b'],
    [{ named: ['a', 'b'] }, '-a', 'a'],
    [{ named: ['a', 'b'], least: 1 }, '-a', undefined],
    [{ named: ['a', 'b'], least: 1 }, '-b -a', 'a'],
    [{ named: ['a', 'b', 'c'], wanted: 2 }, '-c', undefined],
    [{ named: ['a', 'b'], least: 1, mandatory: ['b'] }, '-b', 'b'],
    [{ named: ['a', 'b'] }, '?a', undefined],
  ])('%j with %j: %s', (rules, said, site) => {
    expect(offers(rules, said).deadEnd()?.site).toBe(site);
  });

  it('is over when the site thinks better of it', () => {
    const one = offers({ mandatory: ['a'] }, '-a');
    expect(one.deadEnd()).toBeDefined();
    one.decide(decision('a', 'accepted'));
    expect(one.deadEnd()).toBeUndefined();
    expect(one.accepted()).toEqual(['a']);
    expect(one.decisions()).toHaveLength(1);
  });
});

describe('a job that has begun', () => {
  it.each<[Partial<OfferRules>, string, string[], string | undefined]>([
    [{ wanted: 2 }, '+a +b', ['a', 'b'], undefined],
    [{ wanted: 2 }, '+a -b', ['a'], 'b'],
    [{ wanted: 2, least: 1 }, '+a -b', ['a'], undefined],
    [{ wanted: 2, least: 1 }, '-a -b', [], 'b'],
    // Somebody else was asked, and may take the place.
    [{ wanted: 2 }, '+a -b', ['a', 'c'], undefined],
    [{ wanted: 2 }, '+a -b ?c', ['a', 'c'], undefined],
    [{ wanted: 2 }, '+a -b -c', ['a'], 'c'],
    [{}, '+a -b', ['a'], undefined],
    [{}, '-a', [], 'a'],
    [{ wanted: 3, least: 1, mandatory: ['b'] }, '+a -b +c', ['a', 'c'], 'b'],
    // Nobody has refused: whoever is away may come back.
    [{ wanted: 2 }, '+a', ['a'], undefined],
  ])('%j with %j of %j: short of %s', (rules, said, asked, site) => {
    expect(offers(rules, said).shortOf(asked)?.site).toBe(site);
  });
});

describe('whatever sites say', () => {
  const site = fc.constantFrom(...Array.from({ length: 12 }, (_, index) => `site-${index + 1}`));
  const rules = fc.record({
    named: fc.option(fc.uniqueArray(site, { minLength: 1 }), { nil: undefined }),
    wanted: fc.option(fc.nat(6), { nil: undefined }),
    least: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    mandatory: fc.uniqueArray(site, { maxLength: 2 }),
  });
  const answers = fc.constantFrom<Decision['answer']>('accepted', 'refused', 'waiting for approval');
  const said = fc.uniqueArray(fc.record({ site, answer: answers }), { selector: (one) => one.site });

  it('those asked are in site order, once, welcome, and not more than wanted beyond those who have it', () => {
    fc.assert(
      fc.property(rules, said, fc.uniqueArray(site), (given, words, eligible) => {
        const one = new Offers(
          given,
          words.map(({ site: name, answer }) => decision(name, answer)),
        );
        const asked = one.askedOf(eligible);
        expect(asked).toEqual([...new Set(asked)].sort(compareSites));
        const having = words.filter(({ answer }) => answer !== 'refused').map((word) => word.site);
        expect(asked).toEqual(expect.arrayContaining(having));
        const fresh = asked.filter((name) => !having.includes(name));
        for (const name of fresh) {
          expect(eligible).toContain(name);
          expect(one.answerOf(name)).not.toBe('refused');
          if (given.named) expect(given.named).toContain(name);
        }
        expect(fresh.length).toBeLessThanOrEqual(Math.max(0, (given.wanted ?? 99) - having.length));
        expect(one.askedOf(asked)).toEqual(asked);
      }),
    );
  });

  it('the same was said before a restart as after it', () => {
    fc.assert(
      fc.property(rules, said, fc.uniqueArray(site), (given, words, eligible) => {
        const live = new Offers(given, []);
        for (const { site: name, answer } of words) live.decide(decision(name, answer));
        const again = new Offers(given, live.decisions());
        expect(again.askedOf(eligible)).toEqual(live.askedOf(eligible));
        expect(again.isEnough()).toBe(live.isEnough());
        expect(again.deadEnd()).toEqual(live.deadEnd());
      }),
    );
  });
});
