import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bell } from '../../../../../src/runtime/base/threads/bell.ts';
import { Offers } from '../../../../../src/runtime/deployment/server/jobs/offers.ts';
import { SecondThoughts } from '../../../../../src/runtime/deployment/server/jobs/second-thoughts.ts';
import type { Decision } from '../../../../../src/runtime/network/messages/site.ts';

/** Seconds. */
const SITE_TIMEOUT = 20;
const APPROVAL: Decision = { answer: 'waiting for approval' };
const ACCEPTED: Decision = { answer: 'accepted' };
let bell: Bell;
let offers: Offers;
let thoughts: SecondThoughts;

beforeEach(() => {
  vi.useFakeTimers();
  bell = new Bell();
  offers = new Offers({ named: ['a', 'b'], wanted: 2, least: 2, mandatory: [] }, []);
  thoughts = new SecondThoughts(offers, { job: 'j', siteTimeout: SITE_TIMEOUT, bell });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What the server makes of what a site says. */
function says(site: string, said: Decision): Decision | undefined {
  const news = thoughts.news(site, said);
  if (news) offers.decide({ ...news, site, time: new Date().toISOString() });
  return news;
}
const deadEnd = () => thoughts.deadEnd(['a', 'b']);
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

describe('a job that has begun', () => {
  beforeEach(() => {
    for (const site of ['a', 'b']) says(site, ACCEPTED);
  });

  it('waits for a site whose code has to be approved after all, as long as for one that stands still, and names it', () => {
    says('b', APPROVAL);
    const ring = vi.spyOn(bell, 'ring');
    pass(SITE_TIMEOUT - 1);
    expect(deadEnd()).toBeUndefined();
    expect(ring).not.toHaveBeenCalled();
    pass(2);
    expect(ring).toHaveBeenCalled();
    expect(deadEnd()).toMatchObject({ code: 'NF_SITE_LEFT', place: { site: 'b' } });
    expect(deadEnd()?.message).toContain('20 s');
  });

  it('goes on with a site that has approved it meanwhile', () => {
    says('b', APPROVAL);
    pass(SITE_TIMEOUT - 1);
    says('b', ACCEPTED);
    pass(SITE_TIMEOUT);
    expect(deadEnd()).toBeUndefined();
  });

  it('does not wait anew where the site gives another reason', () => {
    for (let second = 0; second <= SITE_TIMEOUT + 1; second++) {
      const reason = { code: 'X', message: `${second}`, hint: '', exitCode: 1 };
      if (second % 5 === 0) says('b', { ...APPROVAL, reason });
      pass(1);
    }
    expect(deadEnd()).toMatchObject({ place: { site: 'b' } });
  });

  it('takes a site that changes its answer again and again for one that refuses', () => {
    for (let times = 0; times < 30 && offers.answerOf('b') !== 'refused'; times++)
      says('b', times % 2 === 0 ? APPROVAL : ACCEPTED);
    expect(offers.decisionOf('b')).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_SITE_UNDECIDED' },
    });
    expect(deadEnd()).toMatchObject({ place: { site: 'b' } });
  });
});

it('waits for people where a site has not taken the job yet', () => {
  says('a', ACCEPTED);
  says('b', APPROVAL);
  pass(1_000_000);
  expect(deadEnd()).toBeUndefined();
});

it('has nothing new where a site says the same again', () => {
  expect(says('a', APPROVAL)).toEqual(APPROVAL);
  expect(says('a', APPROVAL)).toBeUndefined();
  expect(says('a', ACCEPTED)).toEqual(ACCEPTED);
  expect(says('a', ACCEPTED)).toBeUndefined();
});
