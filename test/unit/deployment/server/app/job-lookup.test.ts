import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  type JobLookupDeps,
  jobWithRight,
} from '../../../../../src/runtime/deployment/server/app/job-lookup.ts';
import { Access } from '../../../../../src/runtime/deployment/server/policy/access.ts';
import { Studies } from '../../../../../src/runtime/deployment/server/policy/studies.ts';
import type { ServerStore } from '../../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import type { Identity } from '../../../../../src/runtime/security/certificate/identity.ts';
import {
  AUTHORIZATION_TEXT,
  authorizationSchema,
  type Right,
} from '../../../../../src/runtime/security/policy/authorization.ts';
import { jobRecord } from '../../../../support/job-records.ts';
import { ANN } from '../../../../support/route-app.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const LEA: Identity = { name: 'lea@example.org', org: 'university', type: 'admin', role: 'lead' };
const MIA: Identity = { name: 'mia@example.org', org: 'university', type: 'admin', role: 'member' };
const OURS = 'aaaa0000-0000-4000-8000-000000000001';
const TWIN = 'aaaa0000-0000-4000-8000-000000000002';
const THEIRS = 'bbbb0000-0000-4000-8000-000000000001';
let store: ServerStore;
let deps: JobLookupDeps;

beforeAll(async () => {
  store = await openSqliteStore(join(root, 'state.db'));
  const studies = new Studies(store, []);
  const closed = await studies.register('closed', { open: false, sites: [] });
  const submitter = { name: LEA.name, org: LEA.org, role: 'lead' };
  await store.addJob(jobRecord({ id: OURS, studyId: 'default', name: 'glioma', submitter }));
  await store.addJob(jobRecord({ id: TWIN, studyId: 'default', name: 'glioma', submitter }));
  await store.addJob(jobRecord({ id: THEIRS, study: 'closed', studyId: closed.id, name: 'secret' }));
  const access = new Access(authorizationSchema.parse(parse(AUTHORIZATION_TEXT)), studies);
  deps = { access, store, scheduler: { find: () => undefined } };
});
afterAll(() => store.close());

const find = async (job: string, identity = ANN, right: Right = 'view') =>
  jobWithRight(deps, { identity, params: { job } }, right).then(
    ({ id }) => id,
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('a job', () => {
  it('is found by its id, and by as much of it as names one', async () => {
    expect(await find(OURS)).toBe(OURS);
    expect(await find('bbbb')).toBe(THEIRS);
  });

  it('is not guessed where more than one begins so', async () => {
    expect(await find('aaaa')).toContain('NF_JOB_AMBIGUOUS');
  });

  it('is not found by its name or by three digits, and the answer says what to give', async () => {
    expect(await find('glioma')).toMatch(new RegExp(`^NF_JOB_UNKNOWN.*${OURS}, ${TWIN}`));
    expect(await find('aaa')).toMatch(/^NF_JOB_UNKNOWN.*at least the first four characters/);
  });

  it('of a study that somebody is not in is as if it were not there, and never suggested', async () => {
    expect(await find(THEIRS, LEA)).toContain('NF_JOB_UNKNOWN');
    expect(await find('secret', LEA)).not.toContain(THEIRS);
    expect(await find(THEIRS.replace('1', '9'), LEA)).not.toContain(THEIRS);
  });

  it('that may be seen is not everybody’s to change', async () => {
    expect(await find(OURS, LEA, 'manage_job')).toBe(OURS);
    expect(await find(OURS, MIA, 'manage_job')).toContain('NF_ACCESS_DENIED');
  });
});
