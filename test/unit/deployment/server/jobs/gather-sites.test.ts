import { describe, expect, it } from 'vitest';
import { Bell } from '../../../../../src/runtime/base/threads/bell.ts';
import {
  type Gathering,
  gatherSites,
} from '../../../../../src/runtime/deployment/server/jobs/gather-sites.ts';
import { Offers } from '../../../../../src/runtime/deployment/server/jobs/offers.ts';
import type { Decision } from '../../../../../src/runtime/network/messages/site.ts';

const time = new Date(0).toISOString();

function gathering(over: Partial<Gathering> = {}) {
  const offers = new Offers({ named: ['a', 'b'], wanted: 2, least: 2, mandatory: [] }, []);
  const said: (Decision & { site: string })[] = [];
  const bell = new Bell();
  const decide = async (site: string, decision: Decision) => {
    said.push({ site, ...decision });
    offers.decide({ site, time, ...decision });
    bell.ring();
  };
  const all: Gathering = {
    offers,
    bell,
    decide,
    siteTimeout: 600,
    signal: new AbortController().signal,
    asked: () => ['a', 'b'],
    stuck: () => new Map(),
    mayBegin: () => true,
    ...over,
  };
  return { ...all, said, done: () => gatherSites(all) };
}

describe('a job that is offered', () => {
  it('has a site that says nothing counted as one that refuses; one that waits for approval has said something', async () => {
    const { decide, said, done } = gathering({ unansweredSeconds: 0.1 });
    await decide('a', { answer: 'waiting for approval' });
    await expect(done()).rejects.toMatchObject({ code: 'NF_JOB_NOT_SCHEDULED', place: { site: 'b' } });
    expect(said.slice(1)).toMatchObject([
      { site: 'b', answer: 'refused', reason: { code: 'NF_OFFER_UNANSWERED' } },
    ]);
  });

  it('waits for a place when all have accepted', async () => {
    let isFree = false;
    const { decide, bell, done } = gathering({ mayBegin: () => isFree });
    for (const site of ['a', 'b']) await decide(site, { answer: 'accepted' });
    let isOver = false;
    const over = done().then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isOver).toBe(false);
    isFree = true;
    bell.ring();
    await over;
  });
});
