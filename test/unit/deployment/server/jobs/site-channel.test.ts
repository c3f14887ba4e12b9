import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bell } from '../../../../../src/runtime/base/threads/bell.ts';
import { SiteChannel } from '../../../../../src/runtime/deployment/server/jobs/site-channel.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import type { SiteAnswer } from '../../../../../src/runtime/federation/channel.ts';
import type { SitePhase } from '../../../../../src/runtime/network/messages/site.ts';
import type { AcceptedResult } from '../../../../../src/runtime/run/events.ts';
import { hello } from '../../../../support/raw-site.ts';
import { siteTaskOf } from '../../../../support/site-tasks.ts';

const JOB = randomUUID();
const SITE = 'site-1';
const TASK = `train/1/${SITE}`;
/** Seconds. */
const SITE_TIMEOUT = 20;
const TASK_TIMEOUT = 60;
const taskOfRound = (round: number) => siteTaskOf({ site: SITE, round, model: { path: 'm', sha256: 'a' } });
const RESULT: AcceptedResult = {
  site: SITE,
  files: {},
  paramsType: 'FULL',
  numExamples: 1,
  metrics: {},
  seconds: 0,
};
const MODEL_BYTES = 1_000_000;
/** Milliseconds that other jobs may run at the site. */
let others: ReadonlyMap<string, number>;
let channel: SiteChannel;
let bell: Bell;
let accepted: string[];
let deadEnd: Error | undefined;
let registry: SiteRegistry;
let answers: SiteAnswer[];

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  accepted = [SITE];
  deadEnd = undefined;
  bell = new Bell();
  others = new Map();
  registry = new SiteRegistry([]);
  registry.open({ name: SITE, org: 'o' }, hello(randomUUID()), '127.0.0.1');
  channel = new SiteChannel({
    job: JOB,
    registry,
    accepted: () => accepted,
    bell,
    verdictOn: () => 'duplicate',
    onMove: () => undefined,
    deadEnd: () => deadEnd,
    siteTimeout: SITE_TIMEOUT,
    taskTimeout: TASK_TIMEOUT,
    bytesOf: () => ({ model: MODEL_BYTES, files: 10_000 }),
    others: () => others,
  });
  channel.listen(async (answer) => {
    answers.push(answer);
    return 'accepted';
  });
  channel.assign(taskOfRound(1));
});

afterEach(() => {
  channel.close();
  registry.stop();
  vi.useRealTimers();
});

const deliver = async (answer: SiteAnswer): Promise<void> => {
  await channel.deliver(answer);
};
const failures = () => answers.filter(({ type }) => type === 'failure');

/** The site says for so many seconds that it runs. */
async function runs(seconds: number): Promise<void> {
  for (let second = 0; second < seconds && failures().length === 0; second++) {
    registry.renew(SITE, registry.get(SITE)?.id);
    registry.note(SITE, { job_id: JOB, phase: 'running', task: TASK });
    await vi.advanceTimersByTimeAsync(1000);
  }
}

it('waits for a site that runs, also when its client began again a few times', async () => {
  for (let times = 0; times < 4; times++) {
    await channel.deliver({ type: 'started', task: TASK });
    await runs(TASK_TIMEOUT);
  }
  expect(failures()).toEqual([]);
});

it('gives up a site that begins the same task again and again', async () => {
  for (let times = 0; times < 40 && failures().length === 0; times++) {
    await channel.deliver({ type: 'started', task: TASK });
    await runs(6);
  }
  expect(failures()).toMatchObject([{ task: TASK, error: { code: 'NF_SITE_STALLED' } }]);
});

it('gives up a site that says it runs, and how far it is, longer than a script may', async () => {
  for (let times = 0; times < 60 && failures().length === 0; times++) {
    await channel.deliver({ type: 'progress', task: TASK, done: times, total: 1e9 });
    await runs(TASK_TIMEOUT);
  }
  expect(failures()).toMatchObject([{ task: TASK, error: { code: 'NF_SITE_STALLED' } }]);
});

it('is not moved by what a site says of another round', async () => {
  for (let second = 0; second < 2 * SITE_TIMEOUT && failures().length === 0; second++) {
    registry.renew(SITE, registry.get(SITE)?.id);
    await channel.deliver({
      type: 'progress',
      task: `train/7/${SITE}`,
      done: second,
      total: 1000,
    });
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(failures()).toMatchObject([{ task: TASK, error: { code: 'NF_SITE_STALLED' } }]);
});

it('fails a site that says nothing for its time, once, by its name', async () => {
  registry.close(present(), { comesBack: true });
  await vi.advanceTimersByTimeAsync(SITE_TIMEOUT * 1000 - 500);
  expect(failures()).toEqual([]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(failures()).toMatchObject([{ task: TASK, error: { code: 'NF_SITE_LOST' } }]);
  expect(channel.task(SITE)).toBeUndefined();
});

it('passes on nothing of a task that was taken back, and says what it counts for', async () => {
  channel.cancel(channel.task(SITE)?.id ?? TASK);
  const error = { code: 'NF_SCRIPT_FAILED', message: 'late', hint: '', exitCode: 1 };
  await expect(channel.deliver({ type: 'failure', task: TASK, error })).resolves.toBe('duplicate');
  await expect(channel.deliver({ type: 'result', task: TASK, result: RESULT })).resolves.toBe('duplicate');
  expect(answers).toEqual([]);
});

it('holds a task until its answer was kept', async () => {
  channel.listen(async () => {
    throw new Error('the disk is full');
  });
  await expect(channel.deliver({ type: 'result', task: TASK, result: RESULT })).rejects.toThrow('full');
  expect(channel.task(SITE)?.round).toBe(1);
  channel.listen(async () => 'accepted');
  await expect(channel.deliver({ type: 'result', task: TASK, result: RESULT })).resolves.toBe('accepted');
  expect(channel.task(SITE)).toBeUndefined();
});

it('keeps the task that came while the answer to the one before was being kept', async () => {
  const kept = Promise.withResolvers<void>();
  channel.listen(async () => {
    await kept.promise;
    return 'accepted';
  });
  const delivered = channel.deliver({ type: 'result', task: TASK, result: RESULT });
  channel.assign(taskOfRound(2));
  kept.resolve();
  await delivered;
  expect(channel.task(SITE)?.round).toBe(2);
});

it('rings for a site when it has a task, and when it has none any more', async () => {
  const ring = vi.spyOn(registry.bell(SITE), 'ring');
  channel.assign(taskOfRound(2));
  expect(ring).toHaveBeenCalledTimes(1);
  await channel.deliver({ type: 'result', task: `train/2/${SITE}`, result: RESULT });
  expect(ring).toHaveBeenCalledTimes(2);
  channel.assign(taskOfRound(3));
  channel.cancel(`train/3/${SITE}`);
  expect(ring).toHaveBeenCalledTimes(4);
});

describe('the sites that are ready', () => {
  const { signal } = new AbortController();
  const ready = (over = {}) => {
    const found = { sites: undefined as readonly string[] | undefined, error: undefined as unknown };
    const done = channel.ready({ least: 1, mandatory: [], signal, ...over });
    done.then(
      (sites) => Object.assign(found, { sites }),
      (error: unknown) => Object.assign(found, { error }),
    );
    return found;
  };
  /** The turns of the event loop in which promises settle; no time passes. */
  const soon = () => vi.advanceTimersByTimeAsync(0);

  it('are there as soon as the bell rings for the one that was missing', async () => {
    accepted = [];
    const found = ready();
    await soon();
    expect(found.sites).toBeUndefined();
    accepted = [SITE];
    bell.ring();
    await soon();
    expect(found.sites).toEqual([SITE]);
  });

  it('include one that was here a moment ago, if it comes back in 15 s', async () => {
    accepted = [SITE, 'site-2'];
    registry.open({ name: 'site-2', org: 'o' }, hello(randomUUID()), '127.0.0.1');
    registry.close(registry.get('site-2') ?? present(), { comesBack: true });
    const found = ready();
    for (let second = 0; second < 14; second++) await aSecond();
    expect(found.sites).toBeUndefined();
    for (let second = 0; second < 2; second++) await aSecond();
    expect(found.sites).toEqual([SITE]);
  });

  it('are waited for no longer when the run is stopped', async () => {
    const stop = new AbortController();
    const found = ready({ least: 2, signal: stop.signal });
    stop.abort(new Error('stopped'));
    await soon();
    expect(found.error).toMatchObject({ message: 'stopped' });
  });

  it('are waited for no longer when they can never come', async () => {
    const found = ready({ least: 2 });
    deadEnd = new Error('site-2 refused it');
    bell.ring();
    await soon();
    expect(found.error).toBe(deadEnd);
  });
});

function present() {
  const session = registry.get(SITE);
  if (!session) throw new Error('the site is not here');
  return session;
}

async function aSecond(): Promise<void> {
  registry.renew(SITE, present().id);
  await vi.advanceTimersByTimeAsync(1000);
}
/** Says it is somewhere, second by second, until it is given up or the time is over; how many seconds that took. */
async function says(most: number, say: (second: number) => Promise<void> | void): Promise<number> {
  for (let second = 0; second < most; second++) {
    if (failures().length > 0) return second;
    registry.renew(SITE, registry.get(SITE)?.id);
    await say(second);
    await vi.advanceTimersByTimeAsync(1000);
  }
  return most;
}

const note = (phase: SitePhase, bytes?: number) =>
  registry.note(SITE, { job_id: JOB, phase, task: TASK, ...(bytes !== undefined && { bytes }) });

describe('gives up a site that holds a round open', () => {
  afterEach(() => expect(failures()).toMatchObject([{ task: TASK, error: { code: 'NF_SITE_STALLED' } }]));

  it('by how far it is, though it does not say that it runs', async () => {
    const seconds = await says(1000, (done) => {
      note('uploading');
      return deliver({ type: 'progress', task: TASK, done, total: 1e9 });
    });
    expect(seconds).toBeLessThan(2 * SITE_TIMEOUT);
  });

  it('by what computes its answer, again and again', async () => {
    const engine = { name: 'cpu', device: 'cpu', library: 'x', detail: '' };
    const seconds = await says(1000, () => deliver({ type: 'engine', task: TASK, engine }));
    expect(seconds).toBeLessThan(2 * SITE_TIMEOUT);
  });

  it('by saying now and then that it runs', async () => {
    const most = 4 * (TASK_TIMEOUT + 300) + 2 * SITE_TIMEOUT;
    const seconds = await says(2 * most, (second) =>
      note(second % (SITE_TIMEOUT - 5) === 0 ? 'running' : 'idle'),
    );
    expect(seconds).toBeLessThan(most);
  });

  it('by being queued behind nothing', async () => {
    expect(await says(1000, () => note('queued'))).toBeLessThan(2 * SITE_TIMEOUT);
  });

  it('by being queued behind a job that runs there without an end', async () => {
    others = new Map([[randomUUID(), 100_000]]);
    const seconds = await says(1000, () => note('queued'));
    expect(seconds).toBeGreaterThan(100);
    expect(seconds).toBeLessThan(100 + 2 * SITE_TIMEOUT);
  });

  it('by bytes that it says have come, of which nothing was sent', async () => {
    expect(await says(1000, (second) => note('downloading', second * 70_000))).toBeLessThan(2 * SITE_TIMEOUT);
  });

  it('by bytes that it says have come, more than there are', async () => {
    channel.carried(SITE, 'out', MODEL_BYTES);
    const seconds = await says(10_000, (second) => note('downloading', second * 70_000));
    expect(seconds).toBeLessThan(4 * (MODEL_BYTES / 70_000) + 2 * SITE_TIMEOUT);
  });

  it.each(['in', 'out'] as const)('by a model that goes %s again and again', async (direction) => {
    const times = { n: 0 };
    await says(10_000, () => {
      times.n += 1;
      channel.carried(SITE, direction, MODEL_BYTES / 4);
    });
    expect(times.n).toBeGreaterThan(4);
    expect(times.n).toBeLessThan(4 * 8 + 2 * SITE_TIMEOUT);
  });
});

describe('waits for a site', () => {
  afterEach(() => expect(failures()).toEqual([]));

  it('that fetches a model slowly, and sends an update as slowly', async () => {
    const slowly = SITE_TIMEOUT / 2;
    for (const direction of ['out', 'in'] as const)
      for (let sent = 0; sent < MODEL_BYTES; sent += 70_000) {
        channel.carried(SITE, direction, 70_000);
        await says(slowly, () => note(direction === 'out' ? 'downloading' : 'uploading'));
      }
  });

  it('that reads slowly what was sent at once', async () => {
    channel.carried(SITE, 'out', MODEL_BYTES);
    for (let come = 0; come < MODEL_BYTES; come += 70_000)
      await says(SITE_TIMEOUT / 2, () => note('downloading', 5_000_000 + come));
  });

  it('that waits there for other jobs that run', async () => {
    const first = randomUUID();
    others = new Map([[first, 60_000]]);
    await says(50, () => note('queued'));
    others = new Map([[randomUUID(), 60_000]]);
    await says(60, () => note('queued'));
  });
});
