import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SiteOrders } from '../../../../../src/runtime/deployment/server/sites/site-orders.ts';
import { SiteRegistry } from '../../../../../src/runtime/deployment/server/sites/site-registry.ts';
import { LEASE_SECONDS } from '../../../../../src/runtime/network/messages/protocol.ts';
import { hello } from '../../../../support/raw-site.ts';

let registry: SiteRegistry;
let news: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  registry = new SiteRegistry([]);
  news = [];
  registry.listen({
    connected: ({ site }) => news.push(`+${site}`),
    lost: ({ site }, why) => news.push(`-${site} ${why}`),
  });
});

afterEach(() => {
  registry.stop();
  vi.useRealTimers();
});

const open = (name = 'site-1', instance = randomUUID()) =>
  registry.open({ name, org: 'hospital' }, hello(instance), '10.0.0.1');
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);
const GOOD_BYE = { comesBack: false };
/** The code of the error, or `fine`. */
const codeOf = (work: () => unknown) => {
  try {
    work();
    return 'fine';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a site that comes', () => {
  it('is there, with what it said of itself', () => {
    const session = open();
    expect(session).toMatchObject({
      site: 'site-1',
      org: 'hospital',
      address: '10.0.0.1',
      engine: 'cpu',
      jobs: [],
    });
    expect(registry.get('site-1')).toBe(session);
    expect(news).toEqual(['+site-1']);
    expect(registry.absentFor('site-1')).toBe(0);
  });

  it('is listed in site order', () => {
    for (const name of ['site-10', 'site-2', 'site-1']) open(name);
    expect(registry.sessions().map(({ site }) => site)).toEqual(['site-1', 'site-2', 'site-10']);
  });

  it('stays as long as it gives signs of life', () => {
    const { id } = open();
    for (let times = 0; times < 10; times++) {
      pass(LEASE_SECONDS * 0.9);
      registry.renew('site-1', id);
    }
    expect(news).toEqual(['+site-1']);
  });

  it('is lost when it is silent for the length of its lease, and not before', () => {
    open();
    pass(LEASE_SECONDS - 1);
    expect(registry.get('site-1')).toBeDefined();
    pass(2);
    expect(registry.get('site-1')).toBeUndefined();
    expect(news).toEqual(['+site-1', '-site-1 silent']);
  });

  it('is not lost by a clock that is set', () => {
    open();
    vi.setSystemTime(Date.now() + 86_400_000);
    pass(1);
    expect(registry.get('site-1')).toBeDefined();
  });

  it('tells since when it is gone', () => {
    const { lastSeen } = open();
    pass(LEASE_SECONDS + 5);
    expect(registry.lostSince('site-1')).toBe(lastSeen);
    expect(registry.absentFor('site-1')).toBe((LEASE_SECONDS + 5) * 1000);
    open();
    expect(registry.lostSince('site-1')).toBeUndefined();
    expect(news).toEqual(['+site-1', '-site-1 silent', '+site-1']);
  });

  it.each([
    [true, 3000],
    [false, Number.POSITIVE_INFINITY],
  ])('and goes in order, to come back (%s), is absent for %d ms after 3 s', (comesBack, absent) => {
    registry.close(open(), { comesBack });
    pass(3);
    expect(registry.absentFor('site-1')).toBe(absent);
    open();
    pass(LEASE_SECONDS + 1);
    expect(registry.absentFor('site-1')).toBe((LEASE_SECONDS + 1) * 1000);
  });

  it('may say sooner how far it is with a job', () => {
    const session = open();
    registry.note('site-1', { job_id: 'a', phase: 'running', task: 'train/1/site-1' });
    registry.note('site-1', { job_id: 'b', phase: 'idle' });
    registry.note('site-1', { job_id: 'a', phase: 'answered', task: 'train/1/site-1' });
    registry.note('site-9', { job_id: 'a', phase: 'idle' });
    expect(session.jobs).toEqual([
      { job_id: 'b', phase: 'idle' },
      { job_id: 'a', phase: 'answered', task: 'train/1/site-1' },
    ]);
  });

  it('that never came is absent since the server started', () => {
    pass(7);
    expect(registry.absentFor('site-9')).toBe(7000);
    expect(registry.lostSince('site-9')).toBeUndefined();
  });
});

describe('a session', () => {
  it('is taken over at once by the same client that comes back', () => {
    const instance = randomUUID();
    const first = open('site-1', instance);
    const second = open('site-1', instance);
    expect(second.id).not.toBe(first.id);
    expect(codeOf(() => registry.renew('site-1', first.id))).toBe('NF_SESSION_REPLACED');
    expect(registry.renew('site-1', second.id)).toBe(second);
    expect(news).toEqual(['+site-1', '+site-1']);
  });

  it('is not taken over by another client of the site before it is lost', () => {
    open();
    expect(codeOf(() => open())).toBe('NF_SITE_TAKEN');
    pass(LEASE_SECONDS + 1);
    expect(codeOf(() => open())).toBe('fine');
  });

  it('is unknown once it was lost, or of another site', () => {
    const { id } = open();
    open('site-2');
    expect(codeOf(() => registry.renew('site-2', id))).toBe('NF_SESSION_REPLACED');
    expect(codeOf(() => registry.renew('site-2', undefined))).toBe('NF_SESSION_REPLACED');
    expect(codeOf(() => registry.renew('site-3', id))).toBe('NF_SESSION_UNKNOWN');
    pass(LEASE_SECONDS + 1);
    expect(codeOf(() => registry.renew('site-1', id))).toBe('NF_SESSION_UNKNOWN');
  });

  it('ends with a goodbye, once', () => {
    const session = open();
    registry.close(session, GOOD_BYE);
    registry.close(session, GOOD_BYE);
    expect(registry.get('site-1')).toBeUndefined();
    expect(news).toEqual(['+site-1', '-site-1 left']);
  });

  it('that was replaced cannot say goodbye for the new one', () => {
    const instance = randomUUID();
    const first = open('site-1', instance);
    const second = open('site-1', instance);
    registry.close(first, GOOD_BYE);
    expect(registry.get('site-1')).toBe(second);
  });
});

describe('a disabled site', () => {
  it('is sent away at once, and not let in', () => {
    const { id } = open();
    registry.setEnabled('site-1', false);
    expect(news).toEqual(['+site-1', '-site-1 left']);
    expect(registry.isEnabled('site-1')).toBe(false);
    expect(codeOf(() => registry.renew('site-1', id))).toBe('NF_SITE_DISABLED');
    expect(codeOf(() => open())).toBe('NF_SITE_DISABLED');
    registry.setEnabled('site-1', true);
    expect(codeOf(() => open())).toBe('fine');
  });

  it('stays so after a restart', () => {
    registry.stop();
    registry = new SiteRegistry(['site-1']);
    expect(codeOf(() => open())).toBe('NF_SITE_DISABLED');
    expect(codeOf(() => open('site-2'))).toBe('fine');
  });
});

describe('the bell of a site', () => {
  const rings = (name: string) => {
    let count = 0;
    void registry.bell(name).wait(999, { isNews: () => ++count > 1000 });
    return () => count - 1;
  };

  it('is one for a site, whether it is there or not', () => {
    expect(registry.bell('site-1')).toBe(registry.bell('site-1'));
    expect(registry.bell('site-1')).not.toBe(registry.bell('site-2'));
  });

  it('rings when the site comes and when it goes', () => {
    const [mine, other] = [rings('site-1'), rings('site-2')];
    registry.close(open(), GOOD_BYE);
    expect(mine()).toBe(2);
    expect(other()).toBe(0);
  });

  it('rings at all sites when all are called', () => {
    const all = ['a', 'b'].map(rings);
    registry.wakeAll();
    expect(all.map((count) => count())).toEqual([1, 1]);
  });
});

describe('a listener', () => {
  it('hears nothing when it has left', () => {
    const heard: string[] = [];
    const leave = registry.listen({
      connected: ({ site }) => heard.push(site),
      lost: ({ site }) => heard.push(site),
    });
    open('a');
    leave();
    open('b');
    expect(heard).toEqual(['a']);
  });
});

describe('an order to a client', () => {
  let orders: SiteOrders;

  beforeEach(() => {
    orders = new SiteOrders(registry);
  });

  it('is handed out with every answer until the client has gone for it', () => {
    const session = open();
    expect(orders.of(session)).toEqual({});
    expect(orders.give('site-1', 'restart')).toBe(true);
    expect(orders.of(session)).toEqual({ order: 'restart' });
    expect(orders.of(session)).toEqual({ order: 'restart' });
    registry.close(session, GOOD_BYE);
    expect(orders.of(open())).toEqual({});
  });

  it('is not for the client that comes back', () => {
    const instance = randomUUID();
    open('site-1', instance);
    orders.give('site-1', 'shutdown');
    expect(orders.of(open('site-1', instance))).toEqual({});
  });

  it('is the last one that was given, and for one site', () => {
    const [one, two] = [open('site-1'), open('site-2')];
    orders.give('site-1', 'restart');
    orders.give('site-1', 'shutdown');
    expect(orders.of(one)).toEqual({ order: 'shutdown' });
    expect(orders.of(two)).toEqual({});
  });

  it('cannot be given to a site that is not there', () => {
    expect(orders.give('site-1', 'shutdown')).toBe(false);
    expect(orders.of(open())).toEqual({});
  });

  it('rings for the site', () => {
    open();
    let looks = 0;
    void registry.bell('site-1').wait(9, { isNews: () => ++looks > 9 });
    orders.give('site-1', 'restart');
    orders.setLogLevel('site-1', 'debug');
    expect(looks).toBe(3);
  });

  it('of a log level lasts, also for a client that comes later', () => {
    orders.setLogLevel('site-1', 'debug');
    const session = open();
    expect(orders.of(session)).toEqual({ log_level: 'debug' });
    orders.give('site-1', 'restart');
    expect(orders.of(session)).toEqual({ order: 'restart', log_level: 'debug' });
    registry.close(session, GOOD_BYE);
    orders.setLogLevel('site-1', 'warn');
    expect(orders.of(open())).toEqual({ log_level: 'warn' });
  });
});
