import { sign, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/runtime/base/digest.ts';
import { type Signature, signatureSchema } from '../../../src/runtime/network/messages/shapes.ts';
import { type JobTerms, jobTerms as termsSchema } from '../../../src/runtime/network/messages/terms.ts';
import {
  originalSigner,
  signerOf as signerOfJob,
  signJob,
} from '../../../src/runtime/security/job-signature.ts';
import { type OpenKit, openKit } from '../../../src/runtime/security/kit/open.ts';
import { signText } from '../../../src/runtime/security/signature.ts';
import { DAY_MS, makeFederation } from '../../support/federation-kits.ts';
import { jobTerms } from '../../support/job-terms.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
/** Good for longer than any certificate here. */
const job = jobTerms({ clients: ['site-1'], expires: '2099-01-01T00:00:00.000Z', resume: 1 });
type Rules = Omit<Parameters<typeof signerOfJob>[1], 'project'>;
const signerOf = (signature: Signature, terms: JobTerms, rules: Rules) =>
  signerOfJob({ terms, signature }, { project: 'brain', ...rules });
let ann: OpenKit<'admin'>;
let site: OpenKit<'client'>;
let server: OpenKit<'server'>;
let stranger: OpenKit<'admin'>;
let rootPem: string;

beforeAll(async () => {
  const ours = await makeFederation(join(root, 'ours'));
  const theirs = await makeFederation(join(root, 'theirs'));
  ann = await openKit(ours.kit('ann@example.org'), 'admin');
  site = await openKit(ours.kit('site-1'), 'client');
  server = await openKit(ours.kit('hub'), 'server');
  stranger = await openKit(theirs.kit('ann@example.org'), 'admin');
  rootPem = ann.tls.ca;
});

const refused = (reason: string) => ({
  code: 'NF_JOB_SIGNATURE',
  exitCode: 2,
  message: expect.stringContaining(reason),
});
/** Runs the check and returns the error. */
const faultOf = (...args: Parameters<typeof signerOf>) => {
  try {
    return signerOf(...args);
  } catch (error) {
    return error;
  }
};

describe('the signature of a job', () => {
  it('tells who submitted it', () => {
    expect(signerOf(signJob(job, ann), job, { rootPem })).toEqual(ann.identity);
  });

  it('fits the message it travels in: 64 bytes, and a certificate', () => {
    const signature = signJob(job, ann);
    expect(signatureSchema.parse(signature)).toEqual(signature);
    expect(Buffer.from(signature.signature, 'base64')).toHaveLength(64);
  });

  it('covers each of its terms', () => {
    const { version: _, ...covered } = termsSchema.shape;
    for (const key of Object.keys(covered)) expect(Object.hasOwn(job, key), key).toBe(true);
    const signature = signJob(job, ann);
    const day = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    const other = fc
      .record({
        project: fc.string(),
        job_id: fc.uuid(),
        bundle_sha256: fc.string(),
        name: fc.string(),
        study: fc.string(),
        submitted: day,
        expires: day,
        clients: fc.option(fc.array(fc.string())),
        num_rounds: fc.nat(),
        workflow: fc.string(),
        model: fc.record({ form_sha256: fc.string(), size: fc.nat() }),
        resume: fc.nat(),
      })
      .chain((all) => fc.subarray(Object.entries(all), { minLength: 1 }))
      .map((some) => ({ ...job, ...Object.fromEntries(some) }))
      .filter((one) => canonicalJson(one) !== canonicalJson(job));
    fc.assert(
      fc.property(other, (one) => {
        expect(faultOf(signature, one, { rootPem })).toMatchObject(refused('of other content'));
      }),
      { numRuns: 50 },
    );
  });

  it('is spoilt by any changed bit', () => {
    const signature = signJob(job, ann);
    fc.assert(
      fc.property(fc.nat(63), fc.nat(7), (byte, bit) => {
        const bytes = Buffer.from(signature.signature, 'base64');
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
        const changed = { ...signature, signature: bytes.toString('base64') };
        expect(faultOf(changed, job, { rootPem })).toMatchObject(refused('of other content'));
      }),
      { numRuns: 50 },
    );
  });

  it.each(['', 'AA==', Buffer.alloc(64).toString('base64'), Buffer.alloc(64, 255).toString('base64'), '%%%'])(
    'is none as %j',
    (text) => {
      expect(faultOf({ ...signJob(job, ann), signature: text }, job, { rootPem })).toMatchObject(
        refused('of other content'),
      );
    },
  );

  it('is not taken in the other form of ECDSA signatures', () => {
    const bytes = sign('sha256', Buffer.from(canonicalJson(job)), ann.tls.key);
    const signature = { ...signJob(job, ann), signature: bytes.toString('base64') };
    expect(faultOf(signature, job, { rootPem })).toMatchObject(refused('of other content'));
  });

  it('is not taken of a site or the server', () => {
    expect(faultOf(signJob(job, site), job, { rootPem })).toMatchObject(refused('site-1 is a client'));
    expect(faultOf(signJob(job, server), job, { rootPem })).toMatchObject(refused('hub is a server'));
  });

  it("is not taken of another project's admin, whatever he calls himself", () => {
    expect(faultOf(signJob(job, stranger), job, { rootPem })).toMatchObject(refused('not of this project'));
  });

  it("is not taken with somebody else's certificate", () => {
    const signature = { ...signJob(job, site), certificate: ann.tls.cert };
    expect(faultOf(signature, job, { rootPem })).toMatchObject(refused('of other content'));
  });

  it('is not taken with the certificate of the authority itself', () => {
    const signature = { ...signJob(job, ann), certificate: rootPem };
    expect(faultOf(signature, job, { rootPem })).toMatchObject(refused('of other content'));
  });

  it.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'is not taken with a certificate that is none: %j',
    (certificate) => {
      expect(faultOf({ ...signJob(job, ann), certificate }, job, { rootPem })).toMatchObject(
        refused('cannot be read'),
      );
    },
  );

  it('is judged by the time of its check', () => {
    const signature = signJob(job, ann);
    const at = (days: number) => ({ rootPem, now: new Date(Date.now() + days * DAY_MS) });
    expect(faultOf(signature, job, at(-2))).toMatchObject(refused('not good today'));
    expect(signerOf(signature, job, at(364)).name).toBe('ann@example.org');
    expect(faultOf(signature, job, at(366))).toMatchObject(refused('not good today'));
  });

  it('is not taken of a certificate that was revoked', () => {
    const signature = signJob(job, ann);
    const serial = new X509Certificate(ann.tls.cert).serialNumber.toLowerCase();
    const other = serial.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    expect(faultOf(signature, job, { rootPem, revoked: new Set([other, serial]) })).toMatchObject(
      refused('its certificate was revoked'),
    );
    expect(signerOf(signature, job, { rootPem, revoked: new Set([other]) }).name).toBe('ann@example.org');
  });

  it('ends when the job says', () => {
    const now = new Date();
    const soon = jobTerms({ expires: new Date(now.getTime() + 1000).toISOString() });
    const signature = signJob(soon, ann);
    const at = (ms: number) => ({ rootPem, now: new Date(now.getTime() + ms) });
    expect(signerOf(signature, soon, at(999)).name).toBe('ann@example.org');
    expect(faultOf(signature, soon, at(1000))).toMatchObject({ code: 'NF_JOB_EXPIRED', exitCode: 4 });
    // Who submitted it once does not change.
    const rules = { project: 'brain', rootPem };
    expect(originalSigner({ terms: soon, signature }, rules)).toEqual(ann.identity);
  });

  it('of version 0.1.0 is told from one of today, and neither stands for the other', () => {
    const { project, job_id, bundle_sha256 } = job;
    const old = { version: 1, project, job_id, bundle_sha256 } as const;
    const rules = { project, rootPem };
    const ofOld = signText(canonicalJson({ project, job_id, bundle_sha256 }), ann);
    expect(signerOfJob({ terms: old, signature: ofOld }, rules)).toEqual(ann.identity);
    expect(faultOf(ofOld, job, rules)).toMatchObject(refused('of other content'));
    expect(() => signerOfJob({ terms: old, signature: signJob(job, ann) }, rules)).toThrow(
      'of other content',
    );
  });
});
