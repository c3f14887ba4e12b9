import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { resumeJob } from '../../../src/runtime/deployment/admin/resume.ts';
import { stop } from '../../../src/runtime/deployment/client/site-desk.ts';
import { termsAgain } from '../../../src/runtime/federation/job-terms.ts';
import type { JobMeta } from '../../../src/runtime/network/messages/admin.ts';
import type { JobTerms } from '../../../src/runtime/network/messages/terms.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const SITES = ['site-1', 'site-2'];
/** What a site kept in the round before decides what it sends. */
const SCRIPT = TINY_SCRIPT.replace(
  'const noise =',
  `await new Promise((resolve) => setTimeout(resolve, 250));
  const kept = flare.loadState() ?? 1;
  flare.saveState(kept * 1.5);
  const noise = kept *`,
);
const WORKFLOW = { n_clients: 2, num_rounds: 6 };

let federation: LiveFederation;
let admin: Admin;
let folder: string;
/** Of an undisturbed run. */
let model: Buffer;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
  folder = await writeJob(join(root, 'job'), { script: SCRIPT, patch: { workflow: WORKFLOW } });
  model = await federation.model((await federation.run(folder)).job_id);
});
afterAll(() => federation.close());

const resume = (id: string, who: Admin = admin) =>
  resumeJob(who, id, { signal: new AbortController().signal, onOriginal: () => undefined });
const reaches = (id: string, round: number) => until(async () => (await admin.job(id)).round >= round);
const states = (site: string, id: string) => {
  const path = join(federation.kits.kit(site), 'work/jobs', id, 'state');
  return existsSync(path) ? readdirSync(path) : [];
};
const eventsOf = async (id: string) =>
  (await admin.events(id, { after: 0, waitSeconds: 0 })).events.map(({ event }) => event);
const aborted = async (who = admin) => {
  const id = await federation.submit(folder);
  await reaches(id, 1);
  await who.abort(id);
  await federation.wait(id);
  return id;
};

describe('a job that failed', () => {
  let id = '';
  let failed: JobMeta;
  let ended: JobMeta;

  beforeAll(async () => {
    // A busy machine needs some seconds to begin a task.
    const workflow = { ...WORKFLOW, site_timeout: 20 };
    id = await federation.submit(
      await writeJob(join(root, 'hasty'), { script: SCRIPT, patch: { workflow } }),
    );
    await reaches(id, 2);
    await federation.stop('site-2');
    failed = await federation.wait(id);
  });

  it('keeps what it needs, at the server and at its sites', async () => {
    expect(failed).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: { code: 'NF_SITE_LOST', place: { site: 'site-2' } },
    });
    expect(readdirSync(join(federation.state, 'jobs', id, 'blobs')).length).toBeGreaterThan(0);
    for (const site of SITES) expect(states(site, id).length).toBeGreaterThan(0);
  });

  it('goes on at its round once the cause is mended, and ends with the bytes of an undisturbed run', async () => {
    await federation.startClient('site-2');
    await federation.connected(2);
    const { meta, original } = await resume(id);
    expect(original).toMatchObject({ id, submitter: 'ann@example.org' });
    expect(meta).toMatchObject({ round: failed.round, error: null, ended: null });
    ended = await federation.wait(id);
    expect(ended).toMatchObject({ job_id: id, status: 'FINISHED:COMPLETED', round: 6, error: null });
    expect(await federation.model(id)).toEqual(model);
  });

  it('shows that it was resumed, by whom, and after which round', async () => {
    expect(ended.resumed).toEqual([
      { time: expect.any(String), by: 'ann@example.org', round: failed.round, ended_by: 'NF_SITE_LOST' },
    ]);
    expect((await admin.jobs({})).find(({ job_id }) => job_id === id)?.resumed).toHaveLength(1);
    const card = JSON.parse(readFileSync(join(federation.state, 'jobs', id, 'run.json'), 'utf8'));
    expect(card).toMatchObject({ sites: SITES, resumed: [{ round: failed.round }] });
    const types = (await eventsOf(id)).map(({ type }) => type);
    expect(types).toContain('run.resumed');
  });

  it('does no round again: every answer that counted counts once', async () => {
    const counted = (await eventsOf(id)).flatMap((event) =>
      event.type === 'result.accepted' ? [event.task] : [],
    );
    expect(counted).toHaveLength(new Set(counted).size);
    expect(counted).toHaveLength(7 * 2);
  });

  it('leaves nothing behind that a completed job does not need', async () => {
    await until(() => SITES.every((site) => states(site, id).length === 0));
    const files = readdirSync(join(federation.state, 'jobs', id));
    expect(files).not.toContain('blobs');
    expect(files).not.toContain('last_model.safetensors');
  });

  it('is refused when it is completed, with what to do for more rounds', async () => {
    await expect(resume(id)).rejects.toMatchObject({
      code: 'NF_JOB_COMPLETED',
      hint: expect.stringContaining('more rounds'),
    });
  });
});

describe('a job that was aborted', () => {
  it('goes on as often as it is resumed, also over a restart of the server', async () => {
    const id = await aborted();
    await resume(id);
    await reaches(id, 3);
    await admin.abort(id);
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:ABORTED' });
    await federation.stop('hub');
    await federation.startServer();
    await federation.connected(2);
    await resume(id);
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED' });
    expect(meta.resumed?.map(({ ended_by }) => ended_by)).toEqual(['NF_JOB_ABORTED', 'NF_JOB_ABORTED']);
    expect(await federation.model(id)).toEqual(model);
  });

  it('before its first round begins then', async () => {
    await federation.stop('site-2');
    const id = await federation.submit(folder);
    await admin.abort(id);
    await federation.wait(id);
    await resume(id);
    await federation.startClient('site-2');
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    expect(await federation.model(id)).toEqual(model);
  });

  it('waits like any other where its sites are not there, and can be aborted then', async () => {
    const id = await aborted();
    await federation.stop('site-2');
    await resume(id);
    await until(async () => (await admin.job(id)).waiting?.what.includes('needs 2 sites') === true);
    expect(await admin.job(id)).toMatchObject({ status: 'SUBMITTED', round: expect.any(Number) });
    expect((await admin.job(id)).round).toBeGreaterThan(0);
    await expect(resume(id)).rejects.toMatchObject({ code: 'NF_JOB_NOT_OVER' });
    await admin.abort(id);
    await federation.wait(id);
    await federation.startClient('site-2');
    await federation.connected(2);
  });
});

describe('a job that no site would take', () => {
  it('is offered to them anew', async () => {
    const policy = 'local/site-policy.yml';
    await federation.kits.changeFile('site-1', policy, {
      'code: any': 'code: any\nsubmitters: [lea@example.org]',
    });
    const id = await federation.submit(folder, { clients: SITES });
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:CAN_NOT_SCHEDULE' });
    await federation.kits.changeFile('site-1', policy, { '\nsubmitters: [lea@example.org]': '' });
    await resume(id);
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    expect(await federation.model(id)).toEqual(model);
  });

  it('stays refused where somebody stopped it', async () => {
    const id = await federation.submit(folder, { clients: SITES });
    await reaches(id, 1);
    await stop({ kitDir: federation.kits.kit('site-2') }, id, 'the patient left the study');
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:EXECUTION_EXCEPTION' });
    await resume(id);
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:CAN_NOT_SCHEDULE',
      error: { code: 'NF_JOB_NOT_SCHEDULED', message: expect.stringContaining('the patient left the study') },
    });
  });
});

describe('a resume', () => {
  it('is refused while the job runs, and changes nothing', async () => {
    const id = await federation.submit(folder);
    await reaches(id, 1);
    await expect(resume(id)).rejects.toMatchObject({
      code: 'NF_JOB_NOT_OVER',
      hint: expect.stringContaining('job wait'),
    });
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    expect(await federation.model(id)).toEqual(model);
  });

  it('takes the right over the job, and that of who signs', async () => {
    const id = await aborted();
    const mia = await federation.admin('mia@example.org');
    await expect(resume(id, mia)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    // A lead resumes what is the lead's own.
    const lea = await federation.admin('lea@example.org');
    await expect(resume(id, lea)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
  });

  it('is in the audit log', async () => {
    const id = await aborted();
    await resume(id);
    await admin.abort(id);
    await federation.wait(id);
    const audit = readFileSync(join(federation.state, 'audit.jsonl'), 'utf8');
    const deeds = audit.split('\n').filter((line) => line.includes(id) && line.includes('"job.resume"'));
    expect(deeds).toHaveLength(1);
    expect(deeds[0]).toContain('ann@example.org');
  });

  describe('that is not what was signed before', () => {
    let id = '';
    let terms: JobTerms;
    const send = async (over: Partial<JobTerms>, who = 'ann@example.org') => {
      const again = { ...termsAgain(terms, { validDays: 1, now: new Date() }), ...over };
      const kit = await openKit(federation.kits.kit(who), 'admin');
      return admin.resume(id, { terms: again, signature: signJob(again, kit) });
    };

    beforeAll(async () => {
      id = await aborted();
      const signed = await admin.signedJob(id);
      if (signed.terms.version !== 2) throw new Error('signed by this version');
      terms = signed.terms;
    });

    it.each<[string, Partial<JobTerms>]>([
      ['more rounds', { num_rounds: 9 }],
      ['other files', { bundle_sha256: 'a'.repeat(64) }],
      ['another study', { study: 'other' }],
      ['other sites', { clients: ['site-1'] }],
      ['the number of resumes it had', { resume: undefined }],
      ['a number of resumes that leaves one out', { resume: 2 }],
    ])('is refused with %s', async (_what, over) => {
      await expect(send(over)).rejects.toMatchObject({ code: 'NF_JOB_TERMS' });
    });

    it('is refused with the signature of somebody else', async () => {
      await expect(send({}, 'leo@example.org')).rejects.toMatchObject({ code: 'NF_JOB_SIGNATURE' });
    });

    it('is refused when its time is over', async () => {
      await expect(send({ expires: new Date(0).toISOString() })).rejects.toMatchObject({
        code: 'NF_JOB_EXPIRED',
      });
    });

    it('sent twice, as over a broken line, is one resume', async () => {
      const again = termsAgain(terms, { validDays: 1, now: new Date() });
      const kit = await openKit(federation.kits.kit('ann@example.org'), 'admin');
      const request = { terms: again, signature: signJob(again, kit) };
      await Promise.all(
        [admin.resume(id, request), admin.resume(id, request)].map((one) => one.catch(() => 0)),
      );
      expect(await admin.resume(id, request)).toMatchObject({ resumed: [{ by: 'ann@example.org' }] });
      expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
      expect(await federation.model(id)).toEqual(model);
    });
  });

  it('is refused where the model that it goes on from is gone, and the job stays as it was', async () => {
    const id = await aborted();
    rmSync(join(federation.state, 'jobs', id, 'blobs'), { recursive: true });
    await expect(resume(id)).rejects.toMatchObject({
      code: 'NF_JOB_CANNOT_RESUME',
      message: expect.stringContaining('it is missing'),
    });
    expect(await admin.job(id)).toMatchObject({ status: 'FINISHED:ABORTED' });
  });

  it('is refused when its study is gone, also where another one took its name', async () => {
    await admin.registerStudy('brain', SITES, { open: true });
    const id = await federation.submit(folder, { study: 'brain' });
    await reaches(id, 1);
    await admin.abort(id);
    await federation.wait(id);
    await admin.removeStudy('brain');
    const refused = (text: string) =>
      expect(resume(id)).rejects.toMatchObject({
        code: 'NF_JOB_CANNOT_RESUME',
        message: expect.stringContaining(text),
      });
    await refused('its study brain was removed');
    await admin.registerStudy('brain', SITES, { open: true });
    await refused('the one of this name is another');
  });

  it('may follow a deletion of nothing: a deleted job is not known, and sites forget it', async () => {
    const id = await aborted();
    await until(() => states('site-1', id).length > 0);
    await admin.delete(id);
    await expect(resume(id)).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
    await federation.stop('site-1');
    await federation.startClient('site-1');
    await until(() => states('site-1', id).length === 0);
  });
});
