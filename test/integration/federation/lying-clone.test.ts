import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { cloneJob } from '../../../src/runtime/deployment/admin/clone.ts';
import type { OriginalJob } from '../../../src/runtime/deployment/admin/original-job.ts';
import { resumeJob } from '../../../src/runtime/deployment/admin/resume.ts';
import type { JobMeta } from '../../../src/runtime/network/messages/admin.ts';
import type { SignedJob } from '../../../src/runtime/network/messages/terms.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { OwnServer } from '../../support/own-server.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A server that was taken over, with its real kit and real jobs, before an admin who signs one of them again. */
interface Answers {
  readonly meta: JobMeta;
  readonly signed: SignedJob;
  readonly bundle: object;
}

const root = tempFolder();
let federation: LiveFederation;
let server: OwnServer;
let leo: Admin;
let good: Answers;
let other: Answers;
let named: Answers;

beforeAll(async () => {
  const kits = await makeLiveKits(join(root, 'kits'), { clients: 1 });
  federation = new LiveFederation(kits);
  await federation.startServer();
  const admin = await federation.admin();
  const submit = async (name: string, script: string) => {
    const id = await federation.submit(await writeJob(join(root, name), { script, patch: { name } }));
    const bundle = await admin.connection.send({
      method: 'GET',
      path: `/v1/jobs/${id}/bundle`,
      answer: z.looseObject({}),
    });
    return { meta: await admin.job(id), signed: await admin.signedJob(id), bundle };
  };
  good = await submit('wanted', TINY_SCRIPT);
  other = await submit('other', `${TINY_SCRIPT}\n// other code\n`);
  const terms = { ...good.signed.terms, clients: ['site-1'] } as SignedJob['terms'] & { version: 2 };
  named = { ...good, signed: { ...good.signed, terms, signature: signJob(terms, admin.kit) } };
  await federation.stop('hub');
  server = await OwnServer.start(kits);
  leo = await federation.admin('leo@example.org');
});
beforeEach(() => {
  server.submissions.length = 0;
});
afterAll(async () => {
  await federation.close();
  await server.close();
});

/** What is shown to the admin before anything is signed. */
async function clone(answers: Partial<Answers>): Promise<OriginalJob[]> {
  const { meta, signed, bundle } = { ...good, ...answers };
  server.answers.clear();
  const { job_id: id } = meta;
  server.answers.set(`/v1/jobs/${good.meta.job_id}`, meta);
  server.answers.set(`/v1/jobs/${id}/signature`, signed);
  server.answers.set(`/v1/jobs/${id}/bundle`, bundle);
  const shown: OriginalJob[] = [];
  const onOriginal = (job: OriginalJob) => void shown.push(job);
  await cloneJob(leo, good.meta.job_id, { signal: new AbortController().signal, onOriginal });
  return shown;
}

const withTerms = (over: object): SignedJob => ({
  ...good.signed,
  terms: { ...good.signed.terms, ...over } as SignedJob['terms'],
});

describe('a server that was taken over, when a job is cloned', () => {
  it('has a clone signed for the sites of the original alone', async () => {
    const [shown] = await clone(named);
    expect(shown?.clients).toEqual(['site-1']);
    expect(server.submissions).toMatchObject([{ terms: { clients: ['site-1'] } }]);
    const [open] = await clone({});
    expect(open?.clients).toBeUndefined();
    expect(server.submissions[1]).toMatchObject({ terms: { clients: null } });
  });

  it('has the job signed again that its first submitter signed', async () => {
    const shown = await clone({});
    expect(shown).toMatchObject([{ id: good.meta.job_id, name: 'wanted', submitter: 'ann@example.org' }]);
    expect(server.submissions).toMatchObject([
      { cloned_from: good.meta.job_id, terms: { bundle_sha256: good.signed.terms.bundle_sha256 } },
    ]);
  });

  it.each<[string, () => Partial<Answers>]>([
    ['other code', () => ({ bundle: other.bundle })],
    [
      'other code with the digest of it in the terms',
      () => ({
        bundle: other.bundle,
        signed: withTerms({ bundle_sha256: other.signed.terms.bundle_sha256 }),
      }),
    ],
    ['the terms of another job', () => ({ bundle: other.bundle, signed: other.signed })],
    ['another job altogether', () => other],
    ['the id of another job', () => ({ signed: withTerms({ job_id: randomUUID() }) })],
    ['another name', () => ({ signed: withTerms({ name: 'other' }) })],
    ['another study', () => ({ signed: withTerms({ study: 'others' }) })],
    [
      'a model of round 0 that nobody signed',
      () => ({
        meta: { ...good.meta, initial_model: { sha256: 'a'.repeat(64), size: 100 } },
      }),
    ],
  ])('cannot have %s signed', async (_what, answers) => {
    await expect(clone(answers())).rejects.toMatchObject({ code: 'NF_JOB_SIGNATURE' });
    expect(server.submissions).toEqual([]);
  });
});

describe('a server that was taken over, when a job is resumed', () => {
  const resume = async (owner: string) => {
    const { meta, signed, bundle } = good;
    const path = `/v1/jobs/${meta.job_id}`;
    server.answers.clear();
    server.answers.set(path, {
      ...meta,
      status: 'FINISHED:ABORTED',
      submitter: { ...meta.submitter, name: owner },
    });
    server.answers.set(`${path}/signature`, signed);
    server.answers.set(`${path}/bundle`, bundle);
    server.answers.set(`${path}/resume`, meta);
    const shown: OriginalJob[] = [];
    const onOriginal = (job: OriginalJob) => {
      shown.push(job);
      throw new Error('no');
    };
    const done = resumeJob(leo, meta.job_id, { signal: new AbortController().signal, onOriginal });
    return { error: await done.catch((error: unknown) => error), shown };
  };

  it('cannot have signed what somebody else signed, as one’s own job', async () => {
    const { error, shown } = await resume('leo@example.org');
    expect(error).toMatchObject({
      code: 'NF_JOB_SIGNATURE',
      message: expect.stringContaining('ann@example.org'),
    });
    expect(shown).toEqual([]);
  });

  it('has the first signer shown before anything is signed, who is asked about', async () => {
    const { error, shown } = await resume('ann@example.org');
    expect(error).toMatchObject({ message: 'no' });
    expect(shown).toMatchObject([{ submitter: 'ann@example.org', owner: 'ann@example.org' }]);
  });
});
