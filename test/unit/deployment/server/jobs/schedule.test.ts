import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Offers } from '../../../../../src/runtime/deployment/server/jobs/offers.ts';
import {
  hasRoom,
  type ScheduledSite,
  type SiteNeed,
  schedule,
  type WaitingJob,
} from '../../../../../src/runtime/deployment/server/jobs/schedule.ts';

const NEED: SiteNeed = { cpus: 1, memoryGb: 1, gpus: 0 };
const site = (name: string, over: Partial<ScheduledSite> = {}): ScheduledSite => ({
  name,
  resources: { jobs: 1, cpus: 8, memory_gb: 16, gpus: 0 },
  taken: [],
  ...over,
});

interface JobWish {
  readonly need?: SiteNeed;
  readonly named?: readonly string[];
  readonly wanted?: number;
  readonly least?: number;
  readonly mandatory?: readonly string[];
  readonly mayRunAt?: (site: string) => boolean;
}

function job(id: string, { need = NEED, mayRunAt = () => true, ...rules }: JobWish = {}): WaitingJob {
  const { named, wanted, least, mandatory = [] } = rules;
  return { id, need, mayRunAt, offers: new Offers({ named, wanted, least, mandatory }, []) };
}

const plan = (
  waiting: WaitingJob[],
  sites: ScheduledSite[],
  over: { running?: number; maxJobs?: number } = {},
) => schedule(waiting, { sites, running: 0, maxJobs: 8, ...over });

describe('room at a site', () => {
  it.each<[string, Partial<ScheduledSite>, Partial<SiteNeed>, boolean]>([
    ['with nothing on', {}, {}, true],
    ['with as many jobs as it takes', { taken: [NEED] }, {}, false],
    [
      'with one more job than now',
      { resources: { jobs: 2, cpus: 8, memory_gb: 16, gpus: 0 }, taken: [NEED] },
      {},
      true,
    ],
    ['for just all of it', {}, { cpus: 8, memoryGb: 16 }, true],
    ['for a core too many', {}, { cpus: 9 }, false],
    ['for memory too much', {}, { memoryGb: 16.1 }, false],
    ['for a GPU it has not', {}, { gpus: 1 }, false],
    [
      'for what others left',
      {
        resources: { jobs: 3, cpus: 8, memory_gb: 16, gpus: 2 },
        taken: [{ cpus: 7, memoryGb: 15, gpus: 1 }],
      },
      { gpus: 1 },
      true,
    ],
    [
      'for more than others left',
      {
        resources: { jobs: 3, cpus: 8, memory_gb: 16, gpus: 2 },
        taken: [{ cpus: 7, memoryGb: 15, gpus: 2 }],
      },
      { gpus: 1 },
      false,
    ],
  ])('%s', (_, over, need, room) => {
    expect(hasRoom(site('a', over), { ...NEED, ...need })).toBe(room);
  });
});

describe('the schedule', () => {
  it('starts a job when its sites are there', () => {
    const { start, reasons } = plan([job('1', { wanted: 2 })], [site('a'), site('b')]);
    expect(start).toEqual(['1']);
    expect(reasons.size).toBe(0);
  });

  it.each<[string, JobWish, ScheduledSite[], string]>([
    ['no site is there', {}, [], 'it needs 1 site; 0 can take it'],
    ['too few are there', { wanted: 2 }, [site('a')], 'it needs 2 sites; 1 can take it'],
    [
      'they have no room',
      { wanted: 2 },
      [site('a', { taken: [NEED] }), site('b')],
      'it needs 2 sites; 1 can take it: a runs 1 of 1 job that it takes at a time',
    ],
    [
      'they have no GPU',
      { wanted: 2, need: { ...NEED, gpus: 1 } },
      [site('a'), site('b')],
      'it needs 2 sites; 0 can take it: a has 0 GPUs, the job takes 1; b has 0 GPUs, the job takes 1',
    ],
    [
      'others have taken what it needs',
      { need: { ...NEED, cpus: 6 } },
      [site('a', { resources: { jobs: 3, cpus: 8, memory_gb: 16, gpus: 0 }, taken: [{ ...NEED, cpus: 4 }] })],
      'it needs 1 site; 0 can take it: a has 4 of 8 cores left, the job takes 6',
    ],
    [
      'many have not enough memory',
      { need: { ...NEED, memoryGb: 17.25 }, wanted: 6 },
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => site(name)),
      `it needs 6 sites; 0 can take it: ${['a', 'b', 'c', 'd'].map((name) => `${name} has 16 GB of memory, the job takes 17.3`).join('; ')}; and 2 more`,
    ],
    [
      'one it cannot do without is missing',
      { least: 1, mandatory: ['z'] },
      [site('a')],
      'it waits for z: z is not connected',
    ],
    [
      'several are',
      { mandatory: ['x', 'a', 'z'] },
      [site('a')],
      'it waits for x, z: x is not connected; z is not connected',
    ],
    [
      'those it names are missing',
      { named: ['x', 'y'] },
      [site('a'), site('b')],
      'it needs 2 sites; 0 can take it: x is not connected; y is not connected',
    ],
    [
      'one it names is not of its study',
      { named: ['a', 'b'], mayRunAt: (name) => name === 'a' },
      [site('a'), site('b')],
      'it needs 2 sites; 1 can take it: b is disabled or not in the study',
    ],
    [
      'it may not run at those that are there',
      { mayRunAt: () => false },
      [site('a')],
      'it needs 1 site; 0 can take it',
    ],
  ])('tells why a job waits: %s', (_, wish, sites, reason) => {
    const { start, reasons } = plan([job('1', wish)], sites);
    expect(start).toEqual([]);
    expect(reasons.get('1')).toBe(reason);
  });

  it('takes as many jobs as the server does', () => {
    const many = site('a', { resources: { jobs: 99, cpus: 99, memory_gb: 99, gpus: 0 } });
    const waiting = ['1', '2', '3'].map((id) => job(id));
    const { start, reasons } = plan(waiting, [many], { running: 6, maxJobs: 8 });
    expect(start).toEqual(['1', '2']);
    expect(reasons.get('3')).toBe('8 jobs run; the server takes 8 at a time');
  });

  it('serves first who came first', () => {
    const { start, reasons } = plan([job('1'), job('2')], [site('a')]);
    expect(start).toEqual(['1']);
    expect(reasons.get('2')).toContain('a runs 1 of 1 job');
  });

  it('does not let a job that waits for a site keep others from theirs', () => {
    const { start } = plan(
      [job('1', { mandatory: ['z'] }), job('2'), job('3', { wanted: 9 }), job('4', { named: ['b'] })],
      [site('a'), site('b')],
    );
    expect(start).toEqual(['2']);
  });

  it('gives two jobs of one site each theirs', () => {
    const { start } = plan([job('1', { wanted: 1 }), job('2', { wanted: 1 })], [site('a'), site('b')]);
    expect(start).toEqual(['1', '2']);
  });
});

describe('whatever is wanted', () => {
  const amount = fc.record({
    cpus: fc.integer({ min: 1, max: 4 }),
    memoryGb: fc.integer({ min: 1, max: 4 }),
    gpus: fc.nat(1),
  });
  const names = ['a', 'b', 'c', 'd'];
  const sites = fc.subarray(names).chain((present) =>
    fc.tuple(
      ...present.map((name) =>
        fc
          .record({
            jobs: fc.integer({ min: 1, max: 3 }),
            cpus: fc.integer({ min: 1, max: 8 }),
            memory_gb: fc.integer({ min: 1, max: 8 }),
            gpus: fc.nat(2),
          })
          .map((resources) => site(name, { resources })),
      ),
    ),
  );
  const jobs = fc.array(
    fc.record({
      need: amount,
      wanted: fc.integer({ min: 1, max: 3 }),
      mandatory: fc.subarray(names, { maxLength: 1 }),
    }),
    { maxLength: 6 },
  );

  it('no site gets more than it has, no job starts without its sites, and every other one hears why', () => {
    fc.assert(
      fc.property(jobs, sites, fc.nat(4), (wishes, present, running) => {
        const waiting = wishes.map((wish, index) => job(String(index), wish));
        const { start, reasons } = plan(waiting, present, { running, maxJobs: 5 });
        expect([...start, ...reasons.keys()].sort()).toEqual(waiting.map(({ id }) => id).sort());
        expect(running + start.length).toBeLessThanOrEqual(Math.max(running, 5));
        const taken = new Map(present.map(({ name }) => [name, [] as SiteNeed[]]));
        for (const id of start) {
          const started = waiting[Number(id)];
          if (!started) throw new Error(id);
          const free = present.filter((one) =>
            hasRoom({ ...one, taken: taken.get(one.name) ?? [] }, started.need),
          );
          const asked = started.offers.askedOf(free.map(({ name }) => name));
          expect(asked.length).toBeGreaterThanOrEqual(started.offers.least());
          expect(asked).toEqual(expect.arrayContaining([...started.offers.rules.mandatory]));
          for (const name of asked) taken.get(name)?.push(started.need);
        }
      }),
    );
  });
});
