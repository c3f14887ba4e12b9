import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SiteChannel } from '../../../../../src/runtime/deployment/server/jobs/site-channel.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import type { SiteAnswer, SiteTask } from '../../../../../src/runtime/federation/channel.ts';
import { hello } from '../../../../support/raw-site.ts';

const JOB = randomUUID();
const SITE = 'site-1';
/** Seconds. */
const SITE_TIMEOUT = 20;
const TASK_TIMEOUT = 60;
let channel: SiteChannel;
let registry: SiteRegistry;
let answers: SiteAnswer[];

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  registry = new SiteRegistry([]);
  registry.open({ name: SITE, org: 'o' }, hello(randomUUID()), '127.0.0.1');
  channel = new SiteChannel({
    job: JOB,
    registry,
    accepted: () => [SITE],
    onMove: () => undefined,
    deadEnd: () => undefined,
    siteTimeout: SITE_TIMEOUT,
    taskTimeout: TASK_TIMEOUT,
  });
  channel.listen(async (answer) => {
    answers.push(answer);
    return 'accepted';
  });
  const task = {
    site: SITE,
    kind: 'train',
    round: 1,
    totalRounds: 2,
    seed: 7,
    model: { path: 'm', sha256: 'a' },
  };
  channel.assign(task as SiteTask);
});

afterEach(() => {
  channel.close();
  registry.stop();
  vi.useRealTimers();
});

const failures = () => answers.filter(({ type }) => type === 'failure');

/** The site says for so many seconds that it runs. */
async function runs(seconds: number): Promise<void> {
  for (let second = 0; second < seconds && failures().length === 0; second++) {
    registry.renew(SITE, registry.get(SITE)?.id);
    registry.note(SITE, { job_id: JOB, phase: 'running', round: 1 });
    await vi.advanceTimersByTimeAsync(1000);
  }
}

it('waits for a site that runs, also when its client began again a few times', async () => {
  for (let times = 0; times < 4; times++) {
    await channel.deliver(SITE, { type: 'started', site: SITE, round: 1 });
    await runs(TASK_TIMEOUT);
  }
  expect(failures()).toEqual([]);
});

it('gives up a site that begins the same task again and again', async () => {
  for (let times = 0; times < 40 && failures().length === 0; times++) {
    await channel.deliver(SITE, { type: 'started', site: SITE, round: 1 });
    await runs(6);
  }
  expect(failures()).toMatchObject([{ site: SITE, error: { code: 'NF_SITE_STALLED' } }]);
});

it('gives up a site that says it runs, and how far it is, longer than a script may', async () => {
  for (let times = 0; times < 60 && failures().length === 0; times++) {
    await channel.deliver(SITE, { type: 'progress', site: SITE, round: 1, done: times, total: 1e9 });
    await runs(TASK_TIMEOUT);
  }
  expect(failures()).toMatchObject([{ site: SITE, error: { code: 'NF_SITE_STALLED' } }]);
});

it('is not moved by what a site says of another round', async () => {
  for (let second = 0; second < 2 * SITE_TIMEOUT && failures().length === 0; second++) {
    registry.renew(SITE, registry.get(SITE)?.id);
    await channel.deliver(SITE, { type: 'progress', site: SITE, round: 7, done: second, total: 1000 });
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(failures()).toMatchObject([{ site: SITE, error: { code: 'NF_SITE_STALLED' } }]);
});
