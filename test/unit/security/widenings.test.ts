import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SITE_POLICY_TEXT, sitePolicySchema } from '../../../src/runtime/security/policy/site-policy.ts';
import { wideningsOf } from '../../../src/runtime/security/policy/widenings.ts';

const keysOf = (policy: object) =>
  wideningsOf(sitePolicySchema.parse({ version: 1, ...policy })).map((line) => line.split(':')[0]);

/** Every key of the policy that can allow more than the default. */
const WIDER = {
  code: 'any',
  allowed_code: ['a'.repeat(64)],
  allowed_templates: ['mri-fedavg'],
  submitter_roles: ['lead', 'member'],
  send_logs: true,
  max_figures_kb: 17,
  max_figures: 201,
  max_failure_characters: 501,
  figures_text: true,
  privacy: { epsilon: 11 },
  cross_site_evaluation: true,
  python: { interpreter: '/opt/python' },
  isolate: false,
  network: 'open',
  run_as: 'client',
};

describe('what a policy of a site allows beyond the default', () => {
  it('is nothing where it is empty, or as a new kit has it', () => {
    expect(keysOf({})).toEqual([]);
    expect(keysOf(parse(SITE_POLICY_TEXT))).toEqual([]);
  });

  it.each(Object.entries(WIDER))('is told of %s: %j', (key, value) => {
    expect(keysOf({ [key]: value })).toEqual([key]);
  });

  it('is told key by key', () => {
    expect(keysOf(WIDER)).toEqual(Object.keys(WIDER));
  });

  it('knows every key but those that can only narrow', () => {
    const narrowing = [
      'version',
      'submitters',
      'task_result_filters',
      'max_revocations_days',
      'secure_aggregation',
    ];
    const figure = ['least_people', 'image_profile'];
    const known = [...Object.keys(WIDER), ...narrowing, ...figure];
    expect(Object.keys(sitePolicySchema.shape).sort()).toEqual(known.sort());
  });

  it('says what it means, and names users and few of a list', () => {
    const run_as = { uid: 1001, gid: 1002 };
    const allowed_templates = ['a', 'b', 'c', 'd', 'e'];
    expect(wideningsOf(sitePolicySchema.parse({ version: 1, run_as, allowed_templates }))).toEqual([
      'allowed_templates: a, b, c and 2 more (default none), their code runs without asking',
      'run_as: { uid: 1001, gid: 1002 } (default own), job processes may read and write what this user may',
    ]);
  });

  it('is not a narrower policy', () => {
    const narrow = { max_figures: 1, max_figures_kb: 1, max_failure_characters: 0, network: 'namespace' };
    expect(keysOf({ ...narrow, submitters: ['university'] })).toEqual([]);
  });
});
