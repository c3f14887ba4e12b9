import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { Studies } from '../../../../src/runtime/deployment/server/policy/studies.ts';
import { openSqliteStore } from '../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();

/** What version 0.1.0 made. */
const OLD = `
  CREATE TABLE jobs (id TEXT PRIMARY KEY, study TEXT NOT NULL, submitter TEXT NOT NULL, token TEXT, submitted TEXT NOT NULL,
    status TEXT NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX jobs_by_token ON jobs (study, submitter, token) WHERE token IS NOT NULL;
  CREATE INDEX jobs_by_status ON jobs (status);
  CREATE TABLE events (job TEXT NOT NULL, seq INTEGER NOT NULL, time TEXT NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (job, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE decisions (job TEXT NOT NULL, site TEXT NOT NULL, decision TEXT NOT NULL, PRIMARY KEY (job, site)) STRICT, WITHOUT ROWID;
  CREATE TABLE sites (name TEXT PRIMARY KEY, org TEXT NOT NULL, enabled INTEGER NOT NULL DEFAULT 1, last_seen TEXT) STRICT;
  CREATE TABLE studies (name TEXT PRIMARY KEY, study TEXT NOT NULL) STRICT;
  PRAGMA user_version = 1;`;

it('jobs of version 0.1.0 go to the study they were submitted to, and a study without users is nobody’s', async () => {
  const path = join(root, 'state.db');
  const old = new DatabaseSync(path);
  old.exec(OLD);
  const day = (number: number) => `2026-01-0${number}T00:00:00.000Z`;
  const addStudy = old.prepare('INSERT INTO studies VALUES (?, ?)');
  const study = (name: string, users: Record<string, string>) =>
    addStudy.run(name, JSON.stringify({ name, sites: ['site-1'], users, created: day(3) }));
  study('brain', { 'lea@example.org': 'lead' });
  study('empty', {});
  const addJob = old.prepare("INSERT INTO jobs VALUES (?, ?, 'lea@example.org', 'token', ?, 'SUBMITTED', ?)");
  const job = (id: string, name: string, submitted: string) => {
    const submitter = { name: 'lea@example.org', org: 'university' };
    addJob.run(
      id,
      name,
      submitted,
      JSON.stringify({ id, study: name, submitted, submitter, status: 'SUBMITTED', token: 'token' }),
    );
  };
  job('a', 'default', day(1));
  old.exec('DROP INDEX jobs_by_token');
  job('b', 'brain', day(2));
  job('c', 'brain', day(4));
  old.exec("UPDATE jobs SET token = 'other', record = json_set(record, '$.token', 'other') WHERE id = 'c'");
  old.exec('CREATE UNIQUE INDEX jobs_by_token ON jobs (study, submitter, token) WHERE token IS NOT NULL');
  job('d', 'gone', day(2));
  old.close();

  const store = await openSqliteStore(path);
  const studies = new Studies(store, await store.studies());
  const brain = studies.get('brain');
  expect(brain).toMatchObject({ open: false, users: { 'lea@example.org': 'lead' } });
  expect(brain.id).toMatch(/^[0-9a-f]{32}$/);
  expect(studies.orphans()).toEqual(['empty']);
  const jobs = await store.jobs();
  expect(Object.fromEntries(jobs.map(({ id, studyId }) => [id, studyId]))).toEqual({
    a: 'default',
    b: undefined,
    c: brain.id,
    d: undefined,
  });
  const [, , known] = jobs.toSorted((one, other) => one.id.localeCompare(other.id));
  if (!known) throw new Error('no job');
  const again = { ...known, id: 'e', submitted: day(5) };
  expect(await store.addJob(again)).toMatchObject({ isNew: false, job: { id: 'c' } });
  // The same token in another study of this name is another job.
  expect(await store.addJob({ ...again, studyId: 'another' })).toMatchObject({
    isNew: true,
    job: { id: 'e' },
  });
  await store.close();
});
