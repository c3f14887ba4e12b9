import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Access } from '../../../../../src/runtime/deployment/server/policy/access.ts';
import { Studies } from '../../../../../src/runtime/deployment/server/policy/studies.ts';
import type { ServerStore } from '../../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import type { Identity } from '../../../../../src/runtime/security/certificate/identity.ts';
import {
  AUTHORIZATION_TEXT,
  type Authorization,
  authorizationSchema,
  RIGHTS,
  type Right,
} from '../../../../../src/runtime/security/policy/authorization.ts';
import { ADMIN_ROLES, type AdminRole } from '../../../../../src/runtime/security/project/schema.ts';

let store: ServerStore;
let studies: Studies;

beforeEach(async () => {
  store = await openSqliteStore(':memory:');
  studies = new Studies(store, []);
});

afterEach(() => store.close());

/** A job of the study that has a name now. */
const jobOf = (study: string) => ({ study, studyId: studies.find(study)?.id });
const RULES = authorizationSchema.parse(parse(AUTHORIZATION_TEXT));
const CODE = /^NF_/;
const user = (role: AdminRole, name = `${role}@uni`): Identity => ({ name, org: 'uni', type: 'admin', role });
const site: Identity = { name: 'site-1', org: 'uni', type: 'client' };
const server: Identity = { name: 'hub', org: 'uni', type: 'server' };
const codeOf = (work: () => unknown) => {
  try {
    work();
    return 'fine';
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined || !CODE.test(code)) throw error;
    return code;
  }
};

/** Of whom a job is, seen from somebody of `uni`. */
const JOBS = {
  mine: (me: Identity) => ({ name: me.name, org: me.org }),
  ours: () => ({ name: 'another@uni', org: 'uni' }),
  theirs: () => ({ name: 'they@else', org: 'else' }),
} as const;
type Whose = keyof typeof JOBS;

/** What a new server's rules come to: the jobs over which each role has a right. */
const OVER_JOBS: Record<AdminRole, Partial<Record<Right, readonly Whose[]>>> = {
  project_admin: Object.fromEntries(RIGHTS.map((right) => [right, ['mine', 'ours', 'theirs']])),
  org_admin: {
    manage_job: ['mine', 'ours'],
    download_job: ['mine', 'ours'],
    view: ['mine', 'ours', 'theirs'],
  },
  lead: {
    submit_job: ['mine', 'ours', 'theirs'],
    clone_job: ['mine'],
    manage_job: ['mine'],
    download_job: ['mine'],
    view: ['mine', 'ours', 'theirs'],
    byoc: ['mine', 'ours', 'theirs'],
  },
  member: { view: ['mine', 'ours', 'theirs'] },
};

describe('over a job, by the rules of a new server,', () => {
  const rows = ADMIN_ROLES.flatMap((role) =>
    RIGHTS.flatMap((right) =>
      (['mine', 'ours', 'theirs'] as const).map(
        (whose) => [role, right, whose, OVER_JOBS[role][right]?.includes(whose) ?? false] as const,
      ),
    ),
  );

  it.each(rows)('%s has the right %s, if it is %s: %s', (role, right, whose, allowed) => {
    const access = new Access(RULES, studies);
    const me = user(role);
    const job = { study: 'default', studyId: 'default', submitter: JOBS[whose](me) };
    expect(access.mayWithJob(me, right, job)).toBe(allowed);
    expect(codeOf(() => access.requireForJob(me, right, job))).toBe(allowed ? 'fine' : 'NF_ACCESS_DENIED');
  });

  it.each([site, server])('%j has none', (one) => {
    const access = new Access(RULES, studies);
    for (const right of RIGHTS) {
      const job = { study: 'default', studyId: 'default', submitter: { name: one.name, org: one.org } };
      expect(access.mayWithJob(one, right, job)).toBe(false);
      expect(codeOf(() => access.require(one, right))).toBe('NF_ACCESS_DENIED');
    }
  });
});

describe('a condition', () => {
  const WORDS = ['any', 'none', 'o:site', 'o:submitter', 'n:submitter'] as const;
  type Word = (typeof WORDS)[number];
  const HOLDS: Record<Word, (deed: { site: boolean; org: boolean; name: boolean }) => boolean> = {
    any: () => true,
    none: () => false,
    'o:site': ({ site: own }) => own,
    'o:submitter': ({ org }) => org,
    'n:submitter': ({ name }) => name,
  };
  const rulesOf = (given: Authorization['permissions']['lead']): Authorization => ({
    version: 1,
    permissions: { project_admin: 'any', org_admin: 'none', lead: given, member: 'none' },
  });
  const me = user('lead');

  it.each(WORDS)('%s holds for just what it says, alone and for one right', (word) => {
    for (const given of [word, [word], { manage_job: word }, { manage_job: [word, 'none' as const] }]) {
      const access = new Access(rulesOf(given), studies);
      for (const whose of ['mine', 'ours', 'theirs'] as const) {
        const job = { study: 'default', studyId: 'default', submitter: JOBS[whose](me) };
        const deed = { site: false, org: whose !== 'theirs', name: whose === 'mine' };
        expect(access.mayWithJob(me, 'manage_job', job)).toBe(HOLDS[word](deed));
      }
      for (const siteOrg of ['uni', 'else', undefined]) {
        const code = codeOf(() => access.require(me, 'manage_job', siteOrg === undefined ? {} : { siteOrg }));
        expect(code === 'fine').toBe(HOLDS[word]({ site: siteOrg === 'uni', org: false, name: false }));
      }
    }
  });

  it('is enough if one of several holds', () => {
    const access = new Access(rulesOf({ manage_job: ['n:submitter', 'o:site'] }), studies);
    expect(codeOf(() => access.require(me, 'manage_job', { siteOrg: 'uni' }))).toBe('fine');
    expect(codeOf(() => access.require(me, 'manage_job', { siteOrg: 'else' }))).toBe('NF_ACCESS_DENIED');
  });

  it('is not given for rights that are not named', () => {
    const access = new Access(rulesOf({ manage_job: 'any' }), studies);
    for (const right of RIGHTS.filter((one) => one !== 'manage_job'))
      expect(codeOf(() => access.require(me, right))).toBe('NF_ACCESS_DENIED');
  });

  it('says who lacks which right', () => {
    const access = new Access(rulesOf('none'), studies);
    expect(() => access.require(me, 'byoc')).toThrow('lead@uni (lead) has no right to byoc');
    expect(() => access.require(site, 'byoc')).toThrow('site-1 (client) has no right to byoc');
  });
});

describe('in a study', () => {
  let access: Access;

  beforeEach(async () => {
    access = new Access(RULES, studies);
    await studies.register('brain', { sites: ['site-1'] });
  });

  const job = (submitter = { name: 'lead@uni', org: 'uni' }) => ({ ...jobOf('brain'), submitter });
  const letIn = (users: Record<string, string>) => studies.change('brain', () => ({ users }));

  it('nobody is but the project admins, as long as it has no users', async () => {
    for (const role of ADMIN_ROLES.filter((one) => one !== 'project_admin')) {
      expect(access.maySeeStudy(user(role), 'brain')).toBe(false);
      expect(access.mayWithJob(user(role), 'view', job())).toBe(false);
      expect(codeOf(() => access.requireInStudy(user(role), 'submit_job', 'brain'))).toBe('NF_STUDY_UNKNOWN');
    }
    expect(studies.orphans()).toEqual(['brain']);
    await letIn({ 'lead@uni': 'lead' });
    expect(studies.orphans()).toEqual([]);
    await letIn({});
    expect(access.maySeeStudy(user('lead'), 'brain')).toBe(false);
  });

  it('of another team with the same name nobody has a part in the jobs', async () => {
    await letIn({ 'lead@uni': 'lead' });
    const old = job();
    await studies.remove('brain');
    await studies.register('brain', { sites: ['site-1'], open: true });
    await letIn({ 'lead@uni': 'lead' });
    expect(access.mayWithJob(user('lead'), 'view', old)).toBe(false);
    expect(access.mayWithJob(user('lead'), 'view', job())).toBe(true);
    expect(access.mayWithJob(user('project_admin'), 'view', old)).toBe(true);
    expect([studies.hasSite(old, 'site-1'), studies.hasSite(job(), 'site-1')]).toEqual([false, true]);
  });

  it('that is not there and one of others are told apart by nobody', async () => {
    await studies.register('brian', { sites: [] });
    const said = (name: string) => {
      try {
        return String(access.study(user('lead'), name));
      } catch (error) {
        return (error as Error).message.replaceAll(name, 'NAME');
      }
    };
    expect(said('brian')).toBe(said('brien'));
    expect(said('brien')).not.toContain('brian');
    await letIn({ 'lead@uni': 'lead' });
    expect(said('brien')).toContain("Did you mean 'brain'?");
  });

  it('that is open everybody has the role of the certificate', async () => {
    await studies.change('brain', () => ({ open: true }));
    expect(codeOf(() => access.requireInStudy(user('lead'), 'submit_job', 'brain'))).toBe('fine');
    expect(codeOf(() => access.requireInStudy(user('member'), 'submit_job', 'brain'))).toBe(
      'NF_ACCESS_DENIED',
    );
    expect(access.maySeeStudy(user('member'), 'brain')).toBe(true);
  });

  it('with users they alone are in it, with the role they have there', async () => {
    await letIn({ 'member@uni': 'lead', 'lead@uni': 'member' });
    expect(codeOf(() => access.requireInStudy(user('member'), 'submit_job', 'brain'))).toBe('fine');
    expect(codeOf(() => access.requireInStudy(user('lead'), 'submit_job', 'brain'))).toBe('NF_ACCESS_DENIED');
    expect(codeOf(() => access.requireInStudy(user('org_admin'), 'view', 'brain'))).toBe('NF_STUDY_UNKNOWN');
    expect(access.maySeeStudy(user('org_admin'), 'brain')).toBe(false);
    expect(access.mayWithJob(user('org_admin'), 'view', job())).toBe(false);
    expect(access.mayWithJob(user('member'), 'view', job())).toBe(true);
    expect(access.mayWithJob(user('lead'), 'manage_job', job())).toBe(false);
  });

  it("the project's admin is everywhere", async () => {
    await letIn({ 'lead@uni': 'lead' });
    for (const right of RIGHTS) {
      expect(codeOf(() => access.requireInStudy(user('project_admin'), right, 'brain'))).toBe('fine');
      expect(access.mayWithJob(user('project_admin'), right, job())).toBe(true);
    }
  });

  it.each(['constructor', '__proto__', 'toString'])('nobody is in it by the name %s', async (name) => {
    await letIn({ 'lead@uni': 'lead' });
    expect(access.maySeeStudy(user('lead', name), 'brain')).toBe(false);
  });

  it('a role that does not exist is none', async () => {
    await letIn({ 'lead@uni': 'king' });
    expect(access.maySeeStudy(user('lead'), 'brain')).toBe(false);
  });

  it('that is not there nobody may do anything', () => {
    for (const role of ADMIN_ROLES)
      expect(codeOf(() => access.requireInStudy(user(role), 'submit_job', 'brian'))).toBe('NF_STUDY_UNKNOWN');
  });

  it("that was removed the project's admin alone sees the jobs, and others' jobs are listed still", async () => {
    await letIn({ 'lead@uni': 'lead' });
    await studies.remove('brain');
    expect(access.mayWithJob(user('project_admin'), 'view', job())).toBe(true);
    expect(access.mayWithJob(user('lead'), 'view', job())).toBe(false);
    expect(access.maySeeStudy(user('lead'), 'brain')).toBe(false);
  });
});

describe('the studies of a server', () => {
  it('begin with one that has all sites and users', () => {
    expect(studies.list()).toMatchObject([
      { name: 'default', id: 'default', open: true, sites: null, users: {} },
    ]);
    expect(studies.hasSite({ study: 'default', studyId: 'default' }, 'whoever')).toBe(true);
  });

  it('have the sites they were given, in site order', async () => {
    await studies.register('brain', { sites: ['site-10', 'site-2'] });
    expect(studies.get('brain').sites).toEqual(['site-2', 'site-10']);
    expect(['site-2', 'site-10', 'site-1'].map((one) => studies.hasSite(jobOf('brain'), one))).toEqual([
      true,
      true,
      false,
    ]);
    await studies.register('empty', { sites: [] });
    expect(studies.hasSite(jobOf('empty'), 'site-2')).toBe(false);
  });

  it('are listed by name, the default first', async () => {
    for (const name of ['b', 'a10', 'a2']) await studies.register(name, { sites: [] });
    expect(studies.names()).toEqual(['default', 'a2', 'a10', 'b']);
  });

  it('are the same after a restart', async () => {
    await studies.register('brain', { sites: ['site-1'] });
    await studies.change('brain', () => ({ users: { 'ann@uni': 'lead' } }));
    await studies.register('gone', { sites: [] });
    await studies.remove('gone');
    const again = new Studies(store, await store.studies());
    expect(again.list()).toEqual(studies.list());
    expect(again.get('brain')).toMatchObject({ sites: ['site-1'], users: { 'ann@uni': 'lead' } });
  });

  it('are changed one part at a time', async () => {
    const before = await studies.register('brain', { sites: ['site-1'] });
    await studies.change('brain', ({ sites }) => ({ sites: [...(sites ?? []), 'site-2'] }));
    expect(studies.get('brain')).toEqual({ ...before, sites: ['site-1', 'site-2'] });
  });

  it('keep every one of several changes at once', async () => {
    await studies.register('brain', { sites: [] });
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        studies.change('brain', ({ users }) => ({ users: { ...users, [name]: 'lead' } })),
      ),
    );
    expect(Object.keys(studies.get('brain').users)).toEqual(['a', 'b', 'c']);
    expect((await store.studies())[0]).toEqual(studies.get('brain'));
  });

  it.each(['brain', 'default'])('are not registered twice: %s', async (name) => {
    if (name !== 'default') await studies.register(name, { sites: [] });
    await expect(studies.register(name, { sites: [] })).rejects.toMatchObject({ code: 'NF_STUDY_EXISTS' });
  });

  it('cannot lose or change the default', async () => {
    await expect(studies.remove('default')).rejects.toMatchObject({ code: 'NF_STUDY_FIXED' });
    await expect(studies.change('default', () => ({ sites: [] }))).rejects.toMatchObject({
      code: 'NF_STUDY_FIXED',
    });
    expect(studies.hasSite({ study: 'default', studyId: 'default' }, 'site-1')).toBe(true);
  });

  it('that are not there are unknown', async () => {
    await studies.register('brain', { sites: [] });
    for (const work of [() => studies.change('brian', () => ({})), () => studies.remove('brian')])
      await expect(work()).rejects.toMatchObject({ code: 'NF_STUDY_UNKNOWN' });
  });

  it('that were removed have no sites: a job of one goes nowhere', async () => {
    await studies.register('brain', { sites: ['site-1'] });
    await studies.remove('brain');
    expect(studies.hasSite(jobOf('brain'), 'site-1')).toBe(false);
    expect(studies.hasSite(jobOf('brain'), 'site-2')).toBe(false);
  });

  it('stay as they were when the disk takes no change', async () => {
    await studies.register('brain', { sites: ['site-1'] });
    await store.close();
    await expect(studies.change('brain', () => ({ sites: [] }))).rejects.toThrow();
    await expect(studies.remove('brain')).rejects.toThrow();
    expect(studies.get('brain').sites).toEqual(['site-1']);
    store = await openSqliteStore(':memory:');
  });
});
