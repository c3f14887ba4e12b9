import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/runtime/base/digest.ts';
import type { JobRecord, ServerStore } from '../../src/runtime/deployment/store/server-store.ts';
import type { Study } from '../../src/runtime/network/messages/admin.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import { jobRecord, numbered, numberOf } from '../support/job-records.ts';

/** A store that can be opened again and again; it is empty at first. */
export interface StorePlace {
  readonly place: string;
  /** A new empty place, for a copy. */
  readonly other: string;
}

export interface StoreUnderTest {
  /** URL of the module, and the function in it that opens a store: what another process needs to open it, too. */
  readonly module: string;
  readonly open: string;
  make(): StorePlace;
}

const APPEND = fileURLToPath(new URL('append-events.ts', import.meta.url));
const NOW = '2026-02-03T04:05:06.789Z';

/** What every store of a server promises, whatever lies behind it. */
export function describeStore(name: string, { module, open: opener, make }: StoreUnderTest): void {
  describe(`a store ${name}`, () => {
    let place = '';
    let other = '';
    let store: ServerStore;
    const opened = new Set<ServerStore>();

    const open = async (at = place): Promise<ServerStore> => {
      const stores = (await import(module)) as Record<string, (place: string) => Promise<ServerStore>>;
      const made = await stores[opener]?.(at);
      if (!made) throw new Error(`${module} has no ${opener}.`);
      opened.add(made);
      return made;
    };
    const reopen = async () => {
      opened.delete(store);
      await store.close();
      store = await open();
    };
    const add = async (over: Partial<JobRecord> = {}) => (await store.addJob(jobRecord(over))).job;
    const roundsOf = async (job: string, from = store) =>
      (await Array.fromAsync(from.journal(job).read())).map(({ event }) => numberOf(event));
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

    beforeEach(async () => {
      ({ place, other } = make());
      store = await open();
    });

    afterEach(async () => {
      await Promise.all([...opened].map((one) => one.close()));
      opened.clear();
    });

    describe('with jobs', () => {
      it('has none at first', async () => {
        expect(await store.jobs()).toEqual([]);
        expect(await store.job(randomUUID())).toBeUndefined();
      });

      it('gives back all of a job', async () => {
        const full = jobRecord({
          token: 'again',
          clonedFrom: randomUUID(),
          clients: ['site-1', 'site-2'],
          initialModel: { sha256: sha256('model'), size: 7 },
          minClients: 2,
          error: {
            code: 'NF_JOB_ABORTED',
            message: 'ä\n"\u2028',
            hint: '',
            exitCode: 1,
            place: { site: 'site-1', round: 1 },
          },
        });
        expect(await store.addJob(full)).toEqual({ job: full, isNew: true });
        expect(await store.job(full.id)).toEqual(full);
        await reopen();
        expect(await store.job(full.id)).toEqual(full);
      });

      it('refuses a second job of the same id', async () => {
        const { id } = await add();
        await expect(store.addJob(jobRecord({ id, name: 'other' }))).rejects.toThrow();
        expect((await store.job(id))?.name).toBe('tiny');
      });

      it('lists the oldest first, those of one moment by id', async () => {
        const times = ['2026-01-02T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z'];
        const added = await Promise.all(times.map((submitted) => add({ submitted })));
        const twins = await Promise.all(upTo(4).map(() => add({ submitted: '2026-01-04T00:00:00.000Z' })));
        const ids = [added[1], added[0], added[2]].map((job) => job?.id);
        expect((await store.jobs()).map(({ id }) => id)).toEqual([
          ...ids,
          ...twins.map(({ id }) => id).sort(),
        ]);
      });

      it.each([
        [{ submitter: 'ann@example.org' }, ['a', 'b', 'c']],
        [{ submitter: 'bob@example.org' }, []],
        [{ study: 'brain' }, ['b', 'c']],
        [{ study: 'nowhere' }, []],
        [{ token: 't' }, ['a', 'c']],
        [{ study: 'brain', token: 't' }, ['c']],
        [{ statuses: ['RUNNING'] }, ['b']],
        [{ statuses: ['RUNNING', 'SUBMITTED'] }, ['a', 'b']],
        [{ statuses: [] }, []],
        [{ study: 'brain', statuses: ['FINISHED:COMPLETED'] }, ['c']],
        [{ study: undefined, token: undefined, statuses: undefined }, ['a', 'b', 'c']],
        [{ study: "x' OR 1=1 --" }, []],
      ] as const)('lists those of %j', async (filter, names) => {
        await add({ name: 'a', token: 't' });
        await add({ name: 'b', study: 'brain', status: 'RUNNING', submitted: NOW });
        await add({
          name: 'c',
          study: 'brain',
          token: 't',
          status: 'FINISHED:COMPLETED',
          submitted: '2026-12-01T00:00:00.000Z',
        });
        expect((await store.jobs(filter)).map((job) => job.name)).toEqual(names);
      });

      it('changes what is named, and nothing else', async () => {
        const job = await add({ minClients: 1 });
        await store.changeJob(job.id, { status: 'RUNNING', started: NOW });
        await store.changeJob(job.id, { status: 'FINISHED:COMPLETED', ended: NOW });
        const outcome = { round: 2, best: { model: 1, value: 0.5 }, firstFailure: null };
        await store.changeJob(job.id, { outcome });
        const expected = { ...job, status: 'FINISHED:COMPLETED', started: NOW, ended: NOW, outcome };
        expect(await store.job(job.id)).toEqual(expected);
        await reopen();
        expect(await store.job(job.id)).toEqual(expected);
        expect(await store.jobs({ statuses: ['RUNNING'] })).toEqual([]);
        expect(await store.jobs({ statuses: ['FINISHED:COMPLETED'] })).toHaveLength(1);
      });

      it('cannot change a job that is not there', async () => {
        const id = randomUUID();
        await expect(store.changeJob(id, { status: 'RUNNING' })).rejects.toMatchObject({
          code: 'NF_JOB_UNKNOWN',
          message: expect.stringContaining(id),
        });
      });

      it('forgets a deleted job with its events and decisions, and no other', async () => {
        const [gone, kept] = [await add(), await add()];
        for (const { id } of [gone, kept]) {
          await store.journal(id).append(numbered(1));
          await store.decide(id, { site: 'site-1', answer: 'accepted', time: NOW });
        }
        await store.deleteJob(gone.id);
        expect(await store.job(gone.id)).toBeUndefined();
        expect(await roundsOf(gone.id)).toEqual([]);
        expect(await store.decisions(gone.id)).toEqual([]);
        expect((await store.jobs()).map(({ id }) => id)).toEqual([kept.id]);
        expect(await roundsOf(kept.id)).toEqual([1]);
        expect(await store.decisions(kept.id)).toHaveLength(1);
      });

      it('does not mind the deletion of a job that is not there', async () => {
        await store.deleteJob(randomUUID());
      });
    });

    describe('with a token', () => {
      it('answers a repetition with the first job, also after a restart', async () => {
        const first = await add({ token: 't' });
        const again = jobRecord({ token: 't' });
        expect(await store.addJob(again)).toEqual({ job: first, isNew: false });
        expect(await store.job(again.id)).toBeUndefined();
        await reopen();
        expect(await store.addJob(again)).toEqual({ job: first, isNew: false });
        expect(await store.jobs()).toHaveLength(1);
      });

      it('answers with the job as it is now', async () => {
        const first = await add({ token: 't' });
        await store.changeJob(first.id, { status: 'RUNNING' });
        const { job } = await store.addJob(jobRecord({ token: 't' }));
        expect(job).toMatchObject({ id: first.id, status: 'RUNNING' });
      });

      it('refuses another job, and names the one it was given for', async () => {
        const first = await add({ token: 't' });
        const other = jobRecord({ token: 't', bundleSha256: sha256('other') });
        await expect(store.addJob(other)).rejects.toMatchObject({
          code: 'NF_SUBMIT_TOKEN_CONFLICT',
          message: expect.stringContaining(first.id),
        });
        expect(await store.jobs()).toHaveLength(1);
      });

      it.each([
        ['another study', { study: 'brain' }],
        ['another submitter', { submitter: { name: 'bob@example.org', org: 'university' } }],
        ['another token', { token: 'u' }],
        ['no token', { token: undefined }],
      ])('takes the same job in from %s', async (_, over) => {
        await add({ token: 't' });
        expect((await store.addJob(jobRecord({ token: 't', ...over }))).isNew).toBe(true);
      });

      it('is free again when its job is deleted', async () => {
        const { id } = await add({ token: 't' });
        await store.deleteJob(id);
        const other = jobRecord({ token: 't', bundleSha256: sha256('other') });
        expect((await store.addJob(other)).isNew).toBe(true);
      });

      it('takes one of many that come at once', async () => {
        const answers = await Promise.all(upTo(20).map(() => store.addJob(jobRecord({ token: 't' }))));
        expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1);
        expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1);
      });

      it('has no meaning of its own: any text serves', async () => {
        const texts = fc.uniqueArray(fc.string({ minLength: 1, unit: 'binary' }), {
          minLength: 1,
          maxLength: 6,
        });
        await fc.assert(
          fc.asyncProperty(texts, async (tokens) => {
            const submitter = { name: randomUUID(), org: 'university' };
            for (const token of tokens) await store.addJob(jobRecord({ token, submitter }));
            for (const token of tokens)
              expect((await store.addJob(jobRecord({ token, submitter }))).job.token).toBe(token);
          }),
          { numRuns: 20 },
        );
      });
    });

    describe('with events', () => {
      it('has none of a job that had none', async () => {
        expect(await roundsOf(randomUUID())).toEqual([]);
        expect(await store.events(randomUUID(), 0, 10)).toEqual([]);
      });

      it('numbers them from 1, each job for itself', async () => {
        for (const round of upTo(3)) {
          await store.journal('a').append(numbered(round));
          await store.journal('b').append(numbered(10 * round));
        }
        const all = await store.events('b', 0, 10);
        expect(all.map(({ seq, event }) => [seq, event])).toEqual([
          [1, numbered(10)],
          [2, numbered(20)],
          [3, numbered(30)],
        ]);
        expect(all[0]?.time).toMatch(/^\d{4}-.*Z$/);
      });

      it.each([
        [0, 3, [1, 2, 3]],
        [2, 2, [3, 4]],
        [4, 10, [5]],
        [5, 10, []],
        [99, 10, []],
        [0, 0, []],
      ])('gives those after %d, at most %d', async (after, limit, expected) => {
        for (const round of upTo(5)) await store.journal('a').append(numbered(round));
        expect((await store.events('a', after, limit)).map(({ seq }) => seq)).toEqual(expected);
      });

      it('gives fewer where they are large, and all of them to who asks on', async () => {
        const text = 'x'.repeat(1_000_000);
        const journal = store.journal('a');
        for (const round of upTo(6))
          await journal.append({ type: 'round.closed', round, kind: 'train', metrics: { text } });
        const seqs: number[] = [];
        for (let page = 0; page < 6 && seqs.length < 6; page++) {
          const found = await store.events('a', seqs.at(-1) ?? 0, 100);
          expect(found.length).toBeGreaterThan(0);
          expect(found.length).toBeLessThan(5);
          seqs.push(...found.map(({ seq }) => seq));
        }
        expect(seqs).toEqual(upTo(6));
        const read: number[] = [];
        for await (const { event } of journal.read())
          if (event.type === 'round.closed') read.push(event.round);
        expect(read).toEqual(upTo(6));
      });

      it('keeps what an event holds', async () => {
        const event: RunEvent = {
          type: 'round.closed',
          round: 1,
          kind: 'train',
          metrics: { accuracy: 0.1 + 0.2, text: '\u2028"\\\u0000ä' as never },
        };
        await store.journal('a').append(event);
        await reopen();
        expect((await store.events('a', 0, 1))[0]?.event).toEqual(event);
      });

      it('has no gap and keeps the order when many come at once, for several jobs', async () => {
        const journals = ['a', 'b', 'c'].map((job) => store.journal(job));
        const appends = upTo(100).flatMap((round) => journals.map((one) => one.append(numbered(round))));
        await Promise.all(appends);
        for (const job of ['a', 'b', 'c']) {
          expect(await roundsOf(job)).toEqual(upTo(100));
          expect((await store.events(job, 0, 1000)).map(({ seq }) => seq)).toEqual(upTo(100));
        }
      });

      it('has no gap when two journals of one job append in turn', async () => {
        const [one, two] = [store.journal('a'), store.journal('a')];
        await one.append(numbered(1));
        await Promise.all([two.append(numbered(2)), one.append(numbered(3))]);
        await one.close();
        await two.append(numbered(4));
        expect(await roundsOf('a')).toEqual(upTo(4));
      });

      it('goes on with the next number after a restart', async () => {
        await store.journal('a').append(numbered(1));
        await reopen();
        await store.journal('a').append(numbered(2));
        expect((await store.events('a', 0, 9)).map(({ seq }) => seq)).toEqual([1, 2]);
      });

      it('begins at 1 again when the job was deleted', async () => {
        for (const round of upTo(3)) await store.journal('a').append(numbered(round));
        await store.deleteJob('a');
        await store.journal('a').append(numbered(1));
        expect((await store.events('a', 0, 9)).map(({ seq }) => seq)).toEqual([1]);
      });

      it('reads a long log from its first to its last event', async () => {
        const journal = store.journal('a');
        await Promise.all(upTo(1001).map((round) => journal.append(numbered(round))));
        expect(await roundsOf('a')).toEqual(upTo(1001));
      });

      it.each([199, 200, 201, 400])('reads all of %d', async (count) => {
        await Promise.all(upTo(count).map((round) => store.journal('a').append(numbered(round))));
        expect(await roundsOf('a')).toHaveLength(count);
      });

      it('may be read while it grows, without missing or repeating any', async () => {
        const journal = store.journal('a');
        await Promise.all(upTo(300).map((round) => journal.append(numbered(round))));
        const seen: (number | undefined)[] = [];
        for await (const { event } of journal.read()) {
          seen.push(numberOf(event));
          if (seen.length === 50) for (const round of [301, 302]) await journal.append(numbered(round));
        }
        expect(seen).toEqual(upTo(302));
      });

      it('refuses what cannot be written, and goes on', async () => {
        const journal = store.journal('a');
        await journal.append(numbered(1));
        const circle: Record<string, unknown> = { type: 'task.started' };
        circle.self = circle;
        await expect(journal.append(circle as never)).rejects.toThrow(/circular/i);
        await journal.append(numbered(2));
        expect((await store.events('a', 0, 9)).map(({ seq }) => seq)).toEqual([1, 2]);
      });
    });

    describe('with decisions', () => {
      it('keeps the last word of each site, by job', async () => {
        const job = randomUUID();
        const reason = { code: 'NF_SITE_APPROVAL', message: 'm', hint: 'h', exitCode: 1 };
        const waits = { site: 'site-1', answer: 'waiting for approval', reason, time: NOW } as const;
        await store.decide(job, waits);
        await store.decide(randomUUID(), { site: 'site-9', answer: 'refused', time: NOW });
        expect(await store.decisions(job)).toEqual([waits]);
        const takes = { site: 'site-1', answer: 'accepted', time: NOW } as const;
        await store.decide(job, takes);
        await store.decide(job, { site: 'site-0', answer: 'refused', time: NOW });
        await reopen();
        expect(await store.decisions(job)).toEqual([{ site: 'site-0', answer: 'refused', time: NOW }, takes]);
      });
    });

    describe('with sites', () => {
      it('remembers when each was last seen, and its organisation', async () => {
        await store.seeSite({ name: 'site-1', org: 'a', time: NOW });
        await store.seeSite({ name: 'site-1', org: 'b', time: '2027-01-01T00:00:00.000Z' });
        await reopen();
        expect(await store.sites()).toEqual([
          { name: 'site-1', org: 'b', enabled: true, lastSeen: '2027-01-01T00:00:00.000Z' },
        ]);
      });

      it('keeps a disabled one disabled, also when it is seen', async () => {
        await store.seeSite({ name: 'site-1', org: 'a', time: NOW });
        await store.setSiteEnabled('site-1', false);
        await store.seeSite({ name: 'site-1', org: 'a', time: NOW });
        await reopen();
        expect((await store.sites())[0]).toMatchObject({ enabled: false, org: 'a', lastSeen: NOW });
        await store.setSiteEnabled('site-1', true);
        expect((await store.sites())[0]?.enabled).toBe(true);
      });

      it('can disable one that never came', async () => {
        await store.setSiteEnabled('site-7', false);
        expect(await store.sites()).toEqual([
          { name: 'site-7', org: '', enabled: false, lastSeen: undefined },
        ]);
      });
    });

    describe('with studies', () => {
      const study: Study = {
        name: 'brain',
        sites: ['site-1'],
        id: 'b',
        open: false,
        users: { ann: 'lead' },
        created: NOW,
      };

      it('gives back what was put, and puts over it', async () => {
        await store.putStudy(study);
        await store.putStudy({ ...study, name: 'all', sites: null, users: {} });
        await store.putStudy({ ...study, sites: [] });
        await reopen();
        expect(await store.studies()).toEqual([
          { ...study, name: 'all', sites: null, users: {} },
          { ...study, sites: [] },
        ]);
      });

      it('forgets a deleted one', async () => {
        await store.putStudy(study);
        await store.deleteStudy('brain');
        await store.deleteStudy('nothing');
        expect(await store.studies()).toEqual([]);
      });
    });

    describe('opened twice', () => {
      it('shows in one what the other wrote', async () => {
        const second = await open();
        const { id } = await add();
        await store.journal(id).append(numbered(1));
        expect(await second.job(id)).toBeDefined();
        expect(await roundsOf(id, second)).toEqual([1]);
        await second.changeJob(id, { status: 'RUNNING' });
        expect((await store.job(id))?.status).toBe('RUNNING');
      });

      it('numbers the events of one job without gaps, whoever writes', async () => {
        const second = await open();
        for (const round of [1, 3, 5]) {
          await store.journal('a').append(numbered(round));
          await second.journal('a').append(numbered(round + 1));
        }
        await Promise.all([store, second].map((one) => one.journal('a').append(numbered(7))));
        expect(await roundsOf('a')).toEqual([1, 2, 3, 4, 5, 6, 7, 7]);
        expect((await store.events('a', 0, 99)).map(({ seq }) => seq)).toEqual(upTo(8));
      });

      it('takes a token once', async () => {
        const second = await open();
        const [one, two] = await Promise.all(
          [store, second].map((each) => each.addJob(jobRecord({ token: 't' }))),
        );
        expect([one?.isNew, two?.isNew].filter(Boolean)).toHaveLength(1);
        expect(one?.job.id).toBe(two?.job.id);
      });
    });

    describe('copied', () => {
      it('is one that can be opened and used', async () => {
        const { id } = await add({ token: 't' });
        await store.journal(id).append(numbered(1));
        await store.copyTo(other);
        const copy = await open(other);
        expect(await copy.job(id)).toEqual(await store.job(id));
        await copy.journal(id).append(numbered(2));
        expect(await roundsOf(id, copy)).toEqual([1, 2]);
        expect(await roundsOf(id)).toEqual([1]);
      });

      it('has a whole beginning of what is written meanwhile', async () => {
        let isCopied = false;
        let appended = 0;
        const journal = store.journal('a');
        await Promise.all(upTo(500).map((round) => journal.append(numbered(round))));
        const writing = (async () => {
          for (appended = 500; !isCopied; ) await journal.append(numbered(++appended));
        })();
        await store.copyTo(other).finally(() => {
          isCopied = true;
        });
        await writing;
        const copied = await roundsOf('a', await open(other));
        expect(copied).toEqual(upTo(copied.length));
        expect(copied.length).toBeGreaterThanOrEqual(500);
        expect(await roundsOf('a')).toEqual(upTo(appended));
      });
    });

    describe('that is closed', () => {
      it('takes nothing more, and says so', async () => {
        opened.delete(store);
        const late = store.journal('a').append(numbered(1));
        await store.close();
        await expect(late).rejects.toThrow();
        await expect(store.addJob(jobRecord())).rejects.toThrow();
        store = await open();
        expect(await roundsOf('a')).toEqual([]);
      });
    });

    it.each([1, 2, 3])('has everything it acknowledged before it was killed (%d)', async (turn) => {
      await store.journal('a').append(numbered(1));
      const child = spawn(process.execPath, [APPEND, module, opener, place, 'a'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let acknowledged = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line);
        if (acknowledged === 40 * turn) child.kill('SIGKILL');
      }
      expect(acknowledged).toBeGreaterThanOrEqual(40 * turn);
      await reopen();
      const rounds = await roundsOf('a');
      expect(rounds.length).toBeGreaterThan(acknowledged);
      // The one under way may be there, too.
      expect(rounds.length).toBeLessThanOrEqual(acknowledged + 2);
      expect(rounds).toEqual(rounds.map((_, index) => index + 1));
      await store.journal('a').append(numbered(rounds.length + 1));
      const seqs = (await store.events('a', 0, 10_000)).map(({ seq }) => seq);
      expect(seqs).toEqual(upTo(rounds.length + 1));
    });
  });
}
