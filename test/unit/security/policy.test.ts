import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Identity } from '../../../src/runtime/security/certificate/identity.ts';
import {
  AUTHORIZATION_TEXT,
  authorizationSchema,
  isAllowed,
  type Right,
} from '../../../src/runtime/security/policy/authorization.ts';

const rules = authorizationSchema.parse(parse(AUTHORIZATION_TEXT));
const who = (role: Identity['role'], name = 'me@uni.org'): Identity => ({
  name,
  org: 'uni',
  type: 'admin',
  ...(role && { role }),
});
const mine = { name: 'me@uni.org', org: 'uni' };
const ours = { name: 'you@uni.org', org: 'uni' };
const theirs = { name: 'they@else.org', org: 'else' };

describe('isAllowed, by the rules a new server has', () => {
  it.each([
    ['project_admin', 'operate', {}, true],
    ['lead', 'submit_job', {}, true],
    ['lead', 'byoc', {}, true],
    ['lead', 'manage_job', { submitter: mine }, true],
    ['lead', 'manage_job', { submitter: ours }, false],
    ['lead', 'operate', { siteOrg: 'uni' }, true],
    ['lead', 'operate', { siteOrg: 'else' }, false],
    ['org_admin', 'submit_job', {}, false],
    ['org_admin', 'download_job', { submitter: ours }, true],
    ['org_admin', 'download_job', { submitter: theirs }, false],
    ['org_admin', 'manage_job', {}, false],
    ['member', 'view', {}, true],
    ['member', 'download_job', { submitter: mine }, false],
  ] as const)('%s, %s, %j: %s', (role, right, deed, allowed) => {
    expect(isAllowed(rules, who(role), { right: right as Right, ...deed })).toBe(allowed);
  });

  it('gives a site or a server no right', () => {
    expect(isAllowed(rules, { name: 'site-1', org: 'uni', type: 'client' }, { right: 'view' })).toBe(false);
  });

  it('takes several conditions as one of them', () => {
    const either = authorizationSchema.parse({
      version: 1,
      permissions: { ...rules.permissions, lead: { manage_job: ['n:submitter', 'o:site'] } },
    });
    expect(isAllowed(either, who('lead'), { right: 'manage_job', siteOrg: 'uni' })).toBe(true);
    expect(isAllowed(either, who('lead'), { right: 'view' })).toBe(false);
  });
});
