import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decide, type Offered, type SiteRules } from '../../../src/runtime/client/decide.ts';
import { type Bundle, bundleOf, readBundle } from '../../../src/runtime/job/bundle.ts';
import type { JobDefinition } from '../../../src/runtime/job/definition.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { createJob } from '../../../src/runtime/job/templates.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { type OpenKit, openKit } from '../../../src/runtime/security/kit/open.ts';
import { sitePolicySchema } from '../../../src/runtime/security/policy/site-policy.ts';
import { decision, type JobOffer } from '../../../src/runtime/wire/site.ts';
import { makeFederation } from '../../support/federation-kits.ts';
import { writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let ann: OpenKit<'admin'>;
let site: OpenKit<'client'>;
let stranger: OpenKit<'admin'>;
let tiny: { bundle: Bundle; job: JobDefinition };
let withData: { bundle: Bundle; job: JobDefinition };
let ofTemplate: { bundle: Bundle; job: JobDefinition };

beforeAll(async () => {
  const ours = await makeFederation(join(root, 'ours'));
  const theirs = await makeFederation(join(root, 'theirs'));
  ann = await openKit(ours.kit('ann@example.org'), 'admin');
  site = await openKit(ours.kit('site-1'), 'client');
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
  { signer = ann, over = {} }: { signer?: Pick<OpenKit, 'tls'>; over?: Partial<JobOffer> } = {},
): Offered {
  const id = randomUUID();
  const signed = { project: 'brain', job_id: id, bundle_sha256: bundle.sha256 };
  return {
    bundle,
    job,
    offer: {
      job_id: id,
      name: job.name,
      study: 'default',
      submitter: { name: 'ann@example.org', org: 'university', role: 'project_admin' },
      submitted: new Date().toISOString(),
      bundle: { sha256: bundle.sha256, size: 1 },
      bundle_sha256: bundle.sha256,
      signature: signJob(signed, signer),
      ...over,
    },
  };
}

const rules = (over: Partial<SiteRules> = {}, policy: object = { code: 'any' }): SiteRules => ({
  policy: sitePolicySchema.parse({ version: 1, ...policy }),
  project: 'brain',
  rootPem: site.tls.ca,
  approved: new Set(),
  hasData: true,
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

  it('waits for approval where its code was not approved, and says which', async () => {
    const said = await decide(offered(tiny), rules({}, {}));
    expect(said.answer).toBe('waiting for approval');
    expect(said.reason).toMatchObject({
      code: 'NF_SITE_APPROVAL',
      message: expect.stringContaining(tiny.bundle.codeSha256.slice(0, 12)),
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

describe('a job that cannot be trusted', () => {
  const refused = ['refused', 'NF_JOB_SIGNATURE'];

  it('is refused with other files than were signed', async () => {
    const job = offered(tiny);
    expect(await answerTo({ ...job, bundle: withData.bundle }, rules())).toEqual(refused);
    const claimed = { ...job.offer, bundle_sha256: withData.bundle.sha256 };
    expect(await answerTo({ ...job, bundle: withData.bundle, offer: claimed }, rules())).toEqual(refused);
  });

  it('is refused under another id: a signed job runs once', async () => {
    const job = offered(tiny);
    expect(await answerTo({ ...job, offer: { ...job.offer, job_id: randomUUID() } }, rules())).toEqual(
      refused,
    );
  });

  it('is refused in another project', async () => {
    expect(await answerTo(offered(tiny), rules({ project: 'heart' }))).toEqual(refused);
  });

  it('is refused when a stranger, a site or the server signed it', async () => {
    for (const signer of [stranger, site])
      expect(await answerTo(offered(tiny, { signer }), rules())).toEqual(refused);
  });

  it.each([
    { name: 'bob@example.org', org: 'university' },
    { name: 'ann@example.org', org: 'hospital_a' },
  ])("is refused in somebody else's name: %j", async (submitter) => {
    expect(await answerTo(offered(tiny, { over: { submitter } }), rules())).toEqual(refused);
  });

  it('is refused whatever was approved, and before its submitter is looked at', async () => {
    const job = offered(tiny, { signer: stranger });
    const open = rules({ approved: new Set([tiny.bundle.codeSha256]) }, { code: 'any', submitters: [] });
    expect(await answerTo(job, open)).toEqual(refused);
  });
});
