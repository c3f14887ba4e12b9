import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const LEA = 'lea@example.org';
let federation: LiveFederation;
let admin: Admin;
let good = '';
let unfinished = '';

type Stored = Record<string, unknown>;
const without = (name: string) => (record: Stored) => {
  const { [name]: _gone, ...rest } = record;
  return JSON.stringify(rest);
};
const set = (over: Stored) => (record: Stored) => JSON.stringify({ ...record, ...over });

/** What a disk, another tool or another version may have made of a record; which parts the note names. */
const DAMAGES: readonly (readonly [string, (record: Stored) => string, RegExp])[] = [
  ['no JSON', () => '{"id": "', /name/],
  ['nothing', () => '', /name/],
  ['null', () => 'null', /name/],
  ['a list', () => '[1]', /name/],
  ['no submitter', without('submitter'), /submitter/],
  ['a submitter that is none', set({ submitter: 'lea' }), /submitter/],
  ['no name', without('name'), /name/],
  ['a name that is a number', set({ name: 5 }), /name/],
  ['a status that is a number', set({ status: 7 }), /status/],
  ['a status that nobody knows', set({ status: 'PAUSED' }), /status/],
  ['rounds that are text', set({ numRounds: 'three' }), /num_?rounds/i],
  ['an outcome that is text', set({ outcome: 'good' }), /round|outcome/],
  [
    'a best value that is none',
    set({ outcome: { round: 1, best: { model: 1, value: null }, firstFailure: null } }),
    /best/,
  ],
  ['a time that is none', set({ started: 'yesterday', ended: 5 }), /started|ended/],
  ['no digests', set({ bundleSha256: null, codeSha256: 'x' }), /bundle|code/],
  ['an error of another form', set({ error: { code: 5 } }), /error/],
];
const damaged: { id: string; what: string; says: RegExp }[] = [];

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  admin = await federation.admin();
  const job = await writeJob(join(root, 'job'));
  const over = async () => {
    const id = await federation.submit(job);
    await admin.abort(id);
    return id;
  };
  good = await over();
  for (const [what, , says] of DAMAGES) damaged.push({ id: await over(), what, says });
  unfinished = await federation.submit(job);
  await federation.stop('hub');
  const database = new DatabaseSync(join(federation.state, 'state.db'));
  const write = (id: string, make: (record: Stored) => string) => {
    const row = database.prepare('SELECT record FROM jobs WHERE id = ?').get(id) as { record: string };
    database.prepare('UPDATE jobs SET record = ? WHERE id = ?').run(make(JSON.parse(row.record)), id);
  };
  for (const [at, { id }] of damaged.entries()) write(id, DAMAGES[at]?.[1] ?? String);
  write(unfinished, without('submitter'));
  database.close();
  await federation.startServer();
});
afterAll(() => federation.close());

describe('a record of a job that is damaged', () => {
  it('hides neither itself nor the others of a list', async () => {
    const jobs = await admin.jobs({});
    expect(jobs.map(({ job_id: id }) => id).sort()).toEqual(
      [good, unfinished, ...damaged.map(({ id }) => id)].sort(),
    );
    expect(jobs.find(({ job_id: id }) => id === good)).toMatchObject({
      name: 'tiny',
      status: 'FINISHED:ABORTED',
      submitter: { name: 'ann@example.org' },
    });
    expect(jobs.find(({ job_id: id }) => id === good)).not.toHaveProperty('note');
    for (const { id, what, says } of damaged) {
      const note = jobs.find(({ job_id: one }) => one === id)?.note;
      expect([what, note]).toEqual([what, expect.stringMatching(/^of its record these cannot be read: /)]);
      expect([what, note]).toEqual([what, expect.stringMatching(says)]);
    }
  });

  it('is no obstacle to filters, nor to those who may not see it', async () => {
    expect((await admin.jobs({ name: 'tiny' })).map(({ job_id: id }) => id)).toContain(good);
    expect((await admin.jobs({ study: 'default', max: 1 })).length).toBe(1);
    const lea = await federation.admin(LEA);
    expect((await lea.jobs({})).map(({ job_id: id }) => id)).toContain(good);
  });

  it('can be looked at, and be deleted with its job', async () => {
    for (const { id, what } of damaged) {
      expect([what, await admin.job(id)]).toEqual([what, expect.objectContaining({ job_id: id })]);
      expect([what, (await admin.events(id, { after: 0, waitSeconds: 0 })).meta.job_id]).toEqual([what, id]);
    }
    await admin.delete(damaged[0]?.id ?? '');
    await expect(admin.job(damaged[0]?.id ?? '')).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
  });

  it('of one that was not over ends it by name at the next start', async () => {
    expect(await admin.job(unfinished)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: {
        code: 'NF_JOB_RECORD',
        message: expect.stringContaining('submitter'),
        hint: expect.stringContaining('server restore'),
      },
      note: expect.stringContaining('submitter'),
    });
    expect((await admin.job(good)).status).toBe('FINISHED:ABORTED');
  });
});
