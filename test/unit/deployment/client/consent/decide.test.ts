import { randomUUID, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../../../../src/runtime/base/digest.ts';
import {
  decide,
  type Offered,
  type SiteRules,
  staleList,
} from '../../../../../src/runtime/deployment/client/consent/decide.ts';
import { type Bundle, bundleOf, readBundle } from '../../../../../src/runtime/job/bundle.ts';
import type { JobDefinition } from '../../../../../src/runtime/job/definition.ts';
import { loadJob } from '../../../../../src/runtime/job/load.ts';
import { createJob } from '../../../../../src/runtime/job/templates.ts';
import { optionsOf } from '../../../../../src/runtime/job/workflow-options.ts';
import { decision } from '../../../../../src/runtime/network/messages/site.ts';
import type { JobTerms, SignedJob } from '../../../../../src/runtime/network/messages/terms.ts';
import { signJob } from '../../../../../src/runtime/security/job-signature.ts';
import { type OpenKit, openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { sitePolicySchema } from '../../../../../src/runtime/security/policy/site-policy.ts';
import { ADMIN_ROLES } from '../../../../../src/runtime/security/project/schema.ts';
import { provision } from '../../../../../src/runtime/security/provision.ts';
import { signText } from '../../../../../src/runtime/security/signature.ts';
import { makeFederation, makeProject } from '../../../../support/federation-kits.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { jobTerms } from '../../../../support/job-terms.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let ann: OpenKit<'admin'>;
let site: OpenKit<'client'>;
let stranger: OpenKit<'admin'>;
let kitOf: (name: string) => string;
let tiny: { bundle: Bundle; job: JobDefinition };
let withData: { bundle: Bundle; job: JobDefinition };
let ofTemplate: { bundle: Bundle; job: JobDefinition };

beforeAll(async () => {
  const ours = await makeFederation(join(root, 'ours'));
  const theirs = await makeFederation(join(root, 'theirs'));
  ann = await openKit(ours.kit('ann@example.org'), 'admin');
  site = await openKit(ours.kit('site-1'), 'client');
  const people = ADMIN_ROLES.map((role) => ({
    name: `${role}@example.org`,
    type: 'admin' as const,
    org: 'university',
    role,
  }));
  const project = { ...makeProject(), participants: [...makeProject().participants, ...people] };
  const { folder } = await provision(project, {
    workspace: join(root, 'ours'),
    days: 365,
    rootDays: 3650,
    now: new Date(),
  });
  kitOf = (name) => join(folder, name);
  stranger = await openKit(theirs.kit('ann@example.org'), 'admin');
  const read = async (folder: string) => ({
    bundle: await readBundle(folder),
    job: (await loadJob(folder)).definition,
  });
  tiny = await read(await writeJob(join(root, 'tiny')));
  withData = await read(await writeJob(join(root, 'data'), { patch: { data: { root: './bids' } } }));
  await createJob(join(root, 'template'), { template: 'hello-fedavg-numpy', overrides: [] });
  ofTemplate = await read(join(root, 'template'));
});

function offered(
  { bundle, job }: { bundle: Bundle; job: JobDefinition },
  { signer = ann, over = {} }: { signer?: Pick<OpenKit, 'tls'>; over?: Partial<JobTerms> } = {},
): Offered {
  const { name, workflow } = job;
  const own = { name, num_rounds: workflow.numRounds, workflow: workflow.type };
  const terms = jobTerms({ bundle_sha256: bundle.sha256, ...own, ...over });
  const packed = { sha256: bundle.sha256, size: 1 };
  return {
    id: terms.job_id,
    bundle,
    job,
    signed: { terms, signature: signJob(terms, signer), bundle: packed },
  };
}

/** With other words than were signed. */
const altered = (job: Offered, over: Partial<JobTerms>): Offered => {
  const terms = { ...job.signed.terms, ...over } as SignedJob['terms'];
  return { ...job, id: terms.job_id, signed: { ...job.signed, terms } };
};

const rules = (over: Partial<SiteRules> = {}, policy: object = { code: 'any' }): SiteRules => ({
  policy: sitePolicySchema.parse({ version: 1, ...policy }),
  site: 'site-1',
  project: 'brain',
  rootPem: site.tls.ca,
  revoked: new Set(),
  revokedAt: undefined,
  approved: new Set(),
  stopped: new Map(),
  memory: { resumes: () => 0, overReason: () => undefined, isOfFirstVersion: () => false },
  hasData: true,
  privacy: { requireAllowed: () => undefined },
  ...over,
});

/** The answer, and the code of its reason. */
const answerTo = async (job: Offered, by: SiteRules) => {
  const said = await decide(job, by);
  expect(decision.parse(JSON.parse(JSON.stringify(said)))).toEqual(said);
  return [said.answer, said.reason?.code];
};

describe('a job that is offered', () => {
  it('is accepted where any code may run', async () => {
    expect(await answerTo(offered(tiny), rules())).toEqual(['accepted', undefined]);
  });

  it.each([
    ['no sum in secret, where the site asks for it', undefined, { require: true }, 'does not sum up'],
    ['sums of fewer sites than the site asks for', 3, { min_sites: 5 }, '3 sites, and 5 are the least'],
  ])('is refused with %s', async (_, minSites, policy, message) => {
    const secureAggregation =
      minSites === undefined ? undefined : { minSites, threshold: undefined, consistency: true };
    const job = offered({ ...tiny, job: { ...tiny.job, secureAggregation } });
    const said = await decide(job, rules({}, { code: 'any', secure_aggregation: policy }));
    expect(said).toMatchObject({
      answer: 'refused',
      reason: { code: 'NF_SECAGG_POLICY', message: expect.stringContaining(message) },
    });
  });

  it('waits for approval where its code was not approved, and says which', async () => {
    const said = await decide(offered(tiny), rules({}, {}));
    expect(said.answer).toBe('waiting for approval');
    expect(said.reason).toMatchObject({
      code: 'NF_SITE_APPROVAL',
      message: expect.stringContaining(tiny.bundle.codeSha256),
    });
  });

  it('is accepted where its code was approved, here or in the policy', async () => {
    const code = tiny.bundle.codeSha256;
    expect(await answerTo(offered(tiny), rules({ approved: new Set([code]) }, {}))).toEqual([
      'accepted',
      undefined,
    ]);
    expect(await answerTo(offered(tiny), rules({}, { allowed_code: [code] }))).toEqual([
      'accepted',
      undefined,
    ]);
  });

  it('is approved by its code: other values need no new approval, another script does', async () => {
    const approved = new Set([tiny.bundle.codeSha256]);
    const files = tiny.bundle.files.map(({ path, bytes }) => ({ path, bytes }));
    const changed = (path: string) => ({
      job: tiny.job,
      bundle: bundleOf(
        files.map((file) => (file.path === path ? { path, bytes: Buffer.from('# x') } : file)),
      ),
    });
    expect(await answerTo(offered(changed('job.yaml')), rules({ approved }, {}))).toEqual([
      'accepted',
      undefined,
    ]);
    expect(await answerTo(offered(changed('client/train.ts')), rules({ approved }, {}))).toEqual([
      'waiting for approval',
      'NF_SITE_APPROVAL',
    ]);
  });

  it('of a template runs where the template is allowed, as long as it is unchanged', async () => {
    const allowed = { allowed_templates: ['hello-fedavg-numpy'] };
    expect(await answerTo(offered(ofTemplate), rules({}, allowed))).toEqual(['accepted', undefined]);
    expect(await answerTo(offered(ofTemplate), rules({}, { allowed_templates: ['mri-fedavg'] }))).toEqual([
      'waiting for approval',
      'NF_SITE_APPROVAL',
    ]);
    expect(await answerTo(offered(tiny), rules({}, allowed))).toEqual([
      'waiting for approval',
      'NF_SITE_APPROVAL',
    ]);
  });

  it('that gives the model of a site to others is refused where the policy does not allow it', async () => {
    const on = optionsOf({ type: 'fedavg', cross_site_evaluation: true });
    const sharing = { ...tiny, job: { ...tiny.job, workflow: { ...tiny.job.workflow, options: on } } };
    const open = rules({}, { code: 'any', cross_site_evaluation: true });
    const named = { over: { clients: ['site-1', 'site-2'] } };
    expect(await answerTo(offered(sharing, named), rules())).toEqual(['refused', 'NF_SITE_CROSS_SITE']);
    expect(await answerTo(offered(sharing, named), open)).toEqual(['accepted', undefined]);
    expect(await answerTo(offered(sharing), open)).toEqual(['refused', 'NF_JOB_RECIPIENTS']);
    expect(await answerTo(offered(tiny), rules())).toEqual(['accepted', undefined]);
  });

  it('begins by no list of the revoked that is older than the policy says', () => {
    const now = new Date('2026-11-30T12:00:00Z');
    const daysBack = (days: number) => new Date(now.getTime() - days * 86_400_000);
    const stale = (days: number | undefined, policy: object) =>
      staleList(rules({ revokedAt: days === undefined ? undefined : daysBack(days) }, policy), now)?.code;
    expect(stale(undefined, {})).toBeUndefined();
    expect(stale(4000, {})).toBeUndefined();
    // Lists are dated a day back.
    expect(stale(15, { max_revocations_days: 14 })).toBeUndefined();
    expect(stale(15.01, { max_revocations_days: 14 })).toBe('NF_REVOKED_STALE');
    expect(stale(undefined, { max_revocations_days: 14 })).toBe('NF_REVOKED_STALE');
  });

  it('on data is refused where there is none', async () => {
    expect(await answerTo(offered(withData), rules({ hasData: false }))).toEqual([
      'refused',
      'NF_SITE_NO_DATA',
    ]);
    expect(await answerTo(offered(withData), rules())).toEqual(['accepted', undefined]);
    expect(await answerTo(offered(tiny), rules({ hasData: false }))).toEqual(['accepted', undefined]);
  });

  it.each([
    [['ann@example.org'], 'accepted'],
    [['university'], 'accepted'],
    [['hospital_a', 'ann@example.org'], 'accepted'],
    [['hospital_a'], 'refused'],
    [['Ann@example.org', 'universit'], 'refused'],
    [[], 'refused'],
  ])('of a site that takes jobs of %j is %s', async (submitters, answer) => {
    const code = answer === 'refused' ? 'NF_SITE_REFUSES' : undefined;
    expect(await answerTo(offered(tiny), rules({}, { code: 'any', submitters }))).toEqual([answer, code]);
  });
});

describe('the role of who signed a job', () => {
  it.each([
    ['project_admin', {}, undefined, 'accepted'],
    ['lead', {}, undefined, 'accepted'],
    ['member', {}, undefined, 'refused'],
    ['org_admin', {}, undefined, 'refused'],
    ['org_admin', { resume: 1 }, undefined, 'accepted'],
    ['member', { resume: 1 }, undefined, 'refused'],
    ['member', {}, ['member'], 'accepted'],
    ['lead', {}, ['member'], 'refused'],
    ['org_admin', { resume: 1 }, ['lead'], 'refused'],
  ] as const)(
    'counts: a job of a %s with %j is, where the policy says %j, %s',
    async (role, over, roles, answer) => {
      const signer = await openKit(kitOf(`${role}@example.org`), 'admin');
      const policy = { code: 'any', ...(roles && { submitter_roles: roles }) };
      const code = answer === 'refused' ? 'NF_SITE_ROLE' : undefined;
      expect(await answerTo(offered(tiny, { signer, over }), rules({}, policy))).toEqual([answer, code]);
    },
  );
});

describe('a job that cannot be trusted', () => {
  const refused = ['refused', 'NF_JOB_SIGNATURE'];

  it('is refused with other files than were signed', async () => {
    const job = offered(tiny);
    expect(await answerTo({ ...job, bundle: withData.bundle }, rules())).toEqual(refused);
    const claimed = altered(job, { bundle_sha256: withData.bundle.sha256 });
    expect(await answerTo({ ...claimed, bundle: withData.bundle }, rules())).toEqual(refused);
  });

  it('is refused under another id: a signed job runs once', async () => {
    const job = offered(tiny);
    expect(await answerTo({ ...job, id: randomUUID() }, rules())).toEqual(refused);
    expect(await answerTo(altered(job, { job_id: randomUUID() }), rules())).toEqual(refused);
  });

  it('is refused in another project', async () => {
    expect(await answerTo(offered(tiny), rules({ project: 'heart' }))).toEqual(refused);
  });

  it('is refused when a stranger, a site or the server signed it', async () => {
    for (const signer of [stranger, site])
      expect(await answerTo(offered(tiny, { signer }), rules())).toEqual(refused);
  });

  it.each<[string, Partial<JobTerms>]>([
    ['more rounds', { num_rounds: 30 }],
    ['another study', { study: 'brain-2' }],
    ['a later end', { expires: '2099-01-01T00:00:00.000Z' }],
    ['another time', { submitted: '2020-01-01T00:00:00.000Z' }],
    ['other sites', { clients: ['site-1'] }],
    ['another name', { name: 'Tiny' }],
    ['another model', { model: { form_sha256: sha256('x'), size: 4_000_000 } }],
  ])('is refused with %s than were signed', async (_what, over) => {
    expect(await answerTo(altered(offered(tiny), over), rules())).toEqual(refused);
  });

  it('is refused when its files say something else than its signature', async () => {
    for (const over of [{ num_rounds: 3 }, { name: 'other' }, { workflow: 'scaffold' }])
      expect(await answerTo(offered(tiny, { over }), rules())).toEqual(['refused', 'NF_JOB_TERMS']);
  });

  it('is refused after its end', async () => {
    const over = { expires: new Date(Date.now() - 1).toISOString() };
    expect(await answerTo(offered(tiny, { over }), rules())).toEqual(['refused', 'NF_JOB_EXPIRED']);
  });

  it('is refused where it was not signed for this site', async () => {
    const forOthers = offered(tiny, { over: { clients: ['site-2', 'site-10'] } });
    expect(await answerTo(forOthers, rules())).toEqual(['refused', 'NF_JOB_TERMS']);
    expect(await answerTo(forOthers, rules({ site: 'site-2' }))).toEqual(['accepted', undefined]);
  });

  it('is refused when its signer was revoked', async () => {
    const revoked = new Set([new X509Certificate(ann.tls.cert).serialNumber.toLowerCase()]);
    expect(await answerTo(offered(tiny), rules({ revoked }))).toEqual(refused);
  });

  it('is refused where it is over, or was stopped', async () => {
    const job = offered(tiny);
    const memory = {
      resumes: () => 0,
      overReason: (id: string) => (id === job.id ? 'done' : undefined),
      isOfFirstVersion: () => false,
    };
    expect(await answerTo(job, rules({ memory }))).toEqual(['refused', 'NF_JOB_OVER_HERE']);
    expect(await answerTo(offered(tiny), rules({ memory }))).toEqual(['accepted', undefined]);
    const stopped = new Map([[job.id, 'not today']]);
    expect(await answerTo(job, rules({ stopped }))).toEqual(['refused', 'NF_SITE_STOPPED']);
  });

  it('that is over goes on for a signature of a higher resume only', async () => {
    const overAt = (resumes: number, resume: number | undefined) => {
      const memory = { resumes: () => resumes, overReason: () => 'done', isOfFirstVersion: () => false };
      return answerTo(offered(tiny, { over: resume === undefined ? {} : { resume } }), rules({ memory }));
    };
    const over = ['refused', 'NF_JOB_OVER_HERE'];
    expect(await overAt(0, 1)).toEqual(['accepted', undefined]);
    expect(await overAt(1, 3)).toEqual(['accepted', undefined]);
    expect(await overAt(0, undefined)).toEqual(over);
    expect(await overAt(1, 1)).toEqual(over);
    // Signed before it was resumed.
    const memory = { resumes: () => 2, overReason: () => undefined, isOfFirstVersion: () => false };
    expect(await answerTo(offered(tiny, { over: { resume: 1 } }), rules({ memory }))).toEqual(over);
    expect(await answerTo(offered(tiny, { over: { resume: 2 } }), rules({ memory }))).toEqual([
      'accepted',
      undefined,
    ]);
  });

  it('cannot be said to be resumed by words that were not signed', async () => {
    const memory = { resumes: () => 0, overReason: () => 'done', isOfFirstVersion: () => false };
    expect(await answerTo(altered(offered(tiny), { resume: 1 }), rules({ memory }))).toEqual(refused);
  });

  it('with a signature of version 0.1.0 goes on only where it was at hand before', async () => {
    const job = offered(tiny);
    const { project, job_id, bundle_sha256 } = job.signed.terms;
    const signature = signText(canonicalJson({ project, job_id, bundle_sha256 }), ann);
    const terms = { version: 1, project, job_id, bundle_sha256 } as const;
    const old = { ...job, signed: { ...job.signed, terms, signature } };
    expect(await answerTo(old, rules())).toEqual(['refused', 'NF_JOB_SIGNATURE_OLD']);
    const memory = {
      resumes: () => 0,
      overReason: () => undefined,
      isOfFirstVersion: (id: string) => id === job.id,
    };
    expect(await answerTo(old, rules({ memory }))).toEqual(['accepted', undefined]);
    // Not a way around the terms of a new one.
    expect(
      await answerTo(
        { ...old, signed: { ...old.signed, signature: job.signed.signature } },
        rules({ memory }),
      ),
    ).toEqual(refused);
  });

  it('is refused whatever was approved, and before its submitter is looked at', async () => {
    const job = offered(tiny, { signer: stranger });
    const open = rules({ approved: new Set([tiny.bundle.codeSha256]) }, { code: 'any', submitters: [] });
    expect(await answerTo(job, open)).toEqual(refused);
  });
});
