import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { reportEgress } from '../../../src/runtime/deployment/client/ledger/egress-report.ts';
import {
  approve,
  approvedCode,
  codeToApprove,
  folderOf,
  listSiteJobs,
  stop,
  withdraw,
} from '../../../src/runtime/deployment/client/site-desk.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { createJob } from '../../../src/runtime/job/templates.ts';
import { TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { LiveFederation, PROJECT_ADMIN, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'));
  admin = await federation.admin();
});
afterAll(() => federation.close());

const job = (parts: Parameters<typeof writeJob>[1] = {}) => writeJob(join(root, `job-${count++}`), parts);
const policy = (site: string, changes: Readonly<Record<string, string>>) =>
  federation.kits.changeFile(site, 'local/site-policy.yml', changes);

describe('a site that approves code', () => {
  const place = () => ({ kitDir: federation.kits.kit('site-2') });

  it('does not take an approval from a list that somebody has put into its folder', async () => {
    await policy('site-2', { 'code: any': 'code: approved' });
    const folder = await job({ script: `${TINY_SCRIPT}// never approved` });
    const { codeSha256: code } = await readBundle(folder);
    const { approvals } = folderOf(place());
    const one = { code_sha256: code, by: 'somebody', time: new Date().toISOString() };
    await writeFile(approvals, JSON.stringify({ approved: [one] }));
    const id = await federation.submit(folder);
    await until(async () => !['offered', undefined].includes((await admin.job(id)).sites[1]?.answer));
    expect((await admin.job(id)).sites[1]).toMatchObject({ answer: 'waiting for approval' });
    expect((await listSiteJobs(place())).approved).toEqual([]);
    expect(await approve(place(), code)).toBe(true);
    expect((await listSiteJobs(place())).approved).toEqual([code]);
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    expect(await approve(place(), code)).toBe(false);
    await withdraw(place(), code);
    await policy('site-2', { 'code: approved': 'code: any' });
  });

  it('is waited for, by name, and goes on when somebody there says yes', async () => {
    await policy('site-2', { 'code: any': 'code: approved' });
    const id = await federation.submit(await job());
    await until(async () => (await admin.job(id)).sites[1]?.answer === 'waiting for approval');
    const { status, waiting, sites } = await admin.job(id);
    expect(status).toBe('DISPATCHED');
    expect(waiting).toMatchObject({ what: 'approval of its code at site-2', sites: ['site-2'] });
    expect(sites[1]?.reason).toMatchObject({ code: 'NF_SITE_APPROVAL' });
    const { jobs } = await listSiteJobs(place());
    expect(jobs).toMatchObject([{ job_id: id, phase: 'waiting for approval', submitter: PROJECT_ADMIN }]);
    expect(await readFile(join(jobs[0]?.folder ?? '', 'bundle/client/train.ts'), 'utf8')).toBe(TINY_SCRIPT);
    expect(jobs[0]?.files).toEqual([
      { path: 'client/train.ts', type: 'TypeScript', size: TINY_SCRIPT.length },
      { path: 'job.yaml', type: 'YAML', size: expect.any(Number) },
    ]);
    const { code, jobs: shown } = await codeToApprove(place(), { job: id });
    expect(shown).toMatchObject([{ job_id: id, study: 'default', code_sha256: code }]);
    expect(await approve(place(), code)).toBe(true);
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });

  it('knows the code again, with other values in job.yaml', async () => {
    const other = await job({ patch: { seed: 99, executor: { args: { step: 5 } } } });
    expect(await federation.run(other)).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });

  it('lets unchanged templates through by their names', async () => {
    await policy('site-2', { 'allowed_templates: []': 'allowed_templates: [hello-fedavg-numpy]' });
    const folder = join(root, 'hello');
    await createJob(folder, {
      template: 'hello-fedavg-numpy',
      overrides: [{ name: 'num_rounds', value: 1 }],
    });
    expect(await federation.run(folder)).toMatchObject({ status: 'FINISHED:COMPLETED' });
    await policy('site-2', { 'code: approved': 'code: any' });
  });

  it('whose policy has a slip is waited for with the reason, and takes the job once it is mended', async () => {
    await policy('site-2', { 'version: 1': 'version: 1\nsend_log: true' });
    const id = await federation.submit(await job());
    await until(async () => (await admin.job(id)).sites[1]?.answer === 'waiting for approval');
    expect((await admin.job(id)).sites[1]?.reason).toMatchObject({
      code: 'NF_KIT_LOCAL',
      message: expect.stringContaining('send_log'),
    });
    await policy('site-2', { '\nsend_log: true': '' });
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });

  it('does not know what it was never shown', async () => {
    await expect(codeToApprove(place(), { code: 'abcdef' })).rejects.toMatchObject({
      code: 'NF_APPROVE_UNKNOWN',
    });
    const code = 'f'.repeat(64);
    expect(await codeToApprove(place(), { code })).toEqual({ code, jobs: [] });
  });

  it('is not misled by the id of a job that begins as the digest it was told', async () => {
    await policy('site-2', { 'code: any': 'code: approved' });
    const id = await federation.submit(await job({ script: `${TINY_SCRIPT}// other code` }));
    await until(async () => (await admin.job(id)).sites[1]?.answer === 'waiting for approval');
    const code = (await listSiteJobs(place())).jobs.find(({ job_id: one }) => one === id)?.code_sha256 ?? '';
    for (const which of ['', id, id.slice(0, 8), code.slice(0, 15), code.toUpperCase(), `${code}0`])
      await expect(codeToApprove(place(), { code: which }), which).rejects.toMatchObject({
        code: 'NF_APPROVE_UNKNOWN',
        message: expect.stringContaining(`Waiting: ${code} of the job ${id}`),
      });
    for (const which of ['', id.slice(0, 8), id.slice(0, 35), code])
      await expect(codeToApprove(place(), { job: which }), which).rejects.toMatchObject({
        code: 'NF_APPROVE_UNKNOWN',
      });
    expect(await codeToApprove(place(), { code: code.slice(0, 16) })).toMatchObject({ code });
    await admin.abort(id);
    await federation.wait(id);
    await policy('site-2', { 'code: approved': 'code: any' });
  });
});

describe('a site that takes a job back', () => {
  const place = () => ({ kitDir: federation.kits.kit('site-2') });
  const slow = (rounds: number) =>
    job({
      script: TINY_SCRIPT.replace(
        'const noise',
        'await new Promise((go) => setTimeout(go, 300)); const noise',
      ),
      patch: { workflow: { n_clients: 2, min_clients: 1, num_rounds: rounds } },
    });
  const roundOf = async (id: string) => (await admin.job(id)).round;

  it('by stopping it, is counted by the rule of the round, and does not take it again', async () => {
    const id = await federation.submit(await slow(6));
    await until(async () => (await roundOf(id)) >= 1);
    await expect(stop(place(), id.slice(0, 8), 'x')).rejects.toMatchObject({ code: 'NF_STOP_UNKNOWN' });
    expect(await stop(place(), id, 'maintenance')).toBe(true);
    expect(await stop(place(), id, 'again')).toBe(false);
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', round: 6 });
    expect(meta.sites[1]).toMatchObject({
      site: 'site-2',
      answer: 'refused',
      reason: { code: 'NF_SITE_STOPPED', message: expect.stringContaining('maintenance') },
    });
    const taken = JSON.parse(await readFile(join(folderOf(place()).taken, `${id}.json`), 'utf8'));
    expect(taken.over).toContain('maintenance');
  });

  it('by taking the approval of its code back, ends its part within a moment', async () => {
    await policy('site-2', { 'code: any': 'code: approved' });
    const id = await federation.submit(await slow(7));
    await until(async () => (await admin.job(id)).sites[1]?.answer === 'waiting for approval');
    const { code } = await codeToApprove(place(), { job: id });
    await approve(place(), code);
    await until(async () => (await roundOf(id)) >= 1);
    expect(await withdraw(place(), await approvedCode(place(), code.slice(0, 16)))).toBe(false);
    const meta = await federation.wait(id);
    expect(meta.sites[1]).toMatchObject({ answer: 'refused', reason: { code: 'NF_SITE_WITHDRAWN' } });
    expect(meta.status).toBe('FINISHED:COMPLETED');
    await expect(approvedCode(place(), code)).rejects.toMatchObject({ code: 'NF_APPROVE_UNKNOWN' });
    await policy('site-2', { 'code: approved': 'code: any' });
  });

  it('ends a job that cannot do without it, with its reason', async () => {
    const id = await federation.submit(
      await job({
        script: TINY_SCRIPT.replace(
          'const noise',
          'await new Promise((go) => setTimeout(go, 300)); const noise',
        ),
        patch: { workflow: { n_clients: 2, num_rounds: 20 } },
      }),
    );
    await until(async () => (await roundOf(id)) >= 1);
    await stop(place(), id, 'no more');
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      // Between two rounds no round fails; the job's own error is the same at any time.
      error: {
        code: 'NF_SITE_LEFT',
        message: expect.stringContaining('no more'),
        place: { site: 'site-2' },
      },
    });
  });
});

describe('a site that refuses a job', () => {
  it('for whose it is, ends it with the reason where it cannot do without', async () => {
    await policy('site-1', { '# submitters: [university]': 'submitters: [hospital_1]' });
    const clients = ['site-1', 'site-2'];
    const meta = await federation.run(await job(), { clients });
    expect(meta).toMatchObject({
      status: 'FINISHED:CAN_NOT_SCHEDULE',
      error: {
        code: 'NF_JOB_NOT_SCHEDULED',
        message: expect.stringContaining('takes no jobs of ann@example.org'),
      },
    });
    expect(meta.sites[0]).toMatchObject({ answer: 'refused', reason: { code: 'NF_SITE_REFUSES' } });
    await policy('site-1', { 'submitters: [hospital_1]': '# submitters: [university]' });
  });

  it('for want of data', async () => {
    const needsData = await job({ patch: { data: { root: './bids' } } });
    const meta = await federation.run(needsData, { clients: ['site-1', 'site-2'] });
    expect(meta.sites[0]).toMatchObject({ answer: 'refused', reason: { code: 'NF_SITE_NO_DATA' } });
  });
});

describe('roles', () => {
  const AT = {
    lead: 'lea@example.org',
    otherLead: 'leo@example.org',
    member: 'mia@example.org',
    org: 'otto@example.org',
  };
  const submitAs = async (name: string) => {
    const { submitJob } = await import('../../../src/runtime/deployment/admin/submit.ts');
    const { jobId } = await submitJob(await federation.admin(name), await job(), {
      signal: new AbortController().signal,
    });
    return jobId;
  };

  it('let leads submit and steer their own jobs, and members look', async () => {
    const id = await submitAs(AT.lead);
    expect(await federation.wait(id)).toMatchObject({ submitter: { name: AT.lead, role: 'lead' } });
    await expect(submitAs(AT.member)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED', exitCode: 2 });
    const [lead, other, member] = await Promise.all(
      [AT.lead, AT.otherLead, AT.member].map((name) => federation.admin(name)),
    );
    expect((await member?.job(id))?.job_id).toBe(id);
    await expect(member?.files(id)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    await expect(other?.delete(id)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    await expect(other?.files(id)).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    expect((await lead?.files(id))?.files.length).toBeGreaterThan(0);
    await lead?.delete(id);
    const log = await readFile(join(federation.state, 'audit.jsonl'), 'utf8');
    const refused = log.split('\n').filter((line) => line.includes('"refused"'));
    expect(refused).toEqual([
      expect.stringContaining(`"${AT.member}"`),
      expect.stringMatching(new RegExp(`"${AT.otherLead}".*"DELETE /v1/jobs/:job".*"${id}"`)),
    ]);
  });

  it('let an organisation steer its own sites alone', async () => {
    const [lead, org, member] = await Promise.all(
      [AT.lead, AT.org, AT.member].map((name) => federation.admin(name)),
    );
    expect((await member?.status())?.sites.map(({ name }) => name)).toEqual(['site-1', 'site-2']);
    await expect(member?.setLogLevel('debug', ['server'])).rejects.toMatchObject({
      code: 'NF_ACCESS_DENIED',
    });
    await expect(org?.setLogLevel('debug', ['site-2'])).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    await expect(lead?.stop('shutdown', ['site-1'])).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    expect(await org?.setLogLevel('debug', ['site-1'])).toEqual(['site-1']);
    await expect(org?.setLogLevel('debug', ['site-7'])).rejects.toMatchObject({ code: 'NF_SITE_UNKNOWN' });
  });
});

describe('a study', () => {
  it('keeps its jobs to its sites, and from those who do not belong to it', async () => {
    await admin.registerStudy('brain', ['site-1']);
    await admin.addUser('brain', 'lea@example.org', 'lead');
    const [lea, leo] = [await federation.admin('lea@example.org'), await federation.admin('leo@example.org')];
    expect((await leo.studies()).map(({ name }) => name)).toEqual(['default']);
    await expect(leo.study('brain')).rejects.toMatchObject({ code: 'NF_STUDY_UNKNOWN' });
    const { submitJob } = await import('../../../src/runtime/deployment/admin/submit.ts');
    const one = await job({ patch: { workflow: { n_clients: 1 } } });
    const signal = new AbortController().signal;
    await expect(submitJob(leo, one, { signal, study: 'brain' })).rejects.toMatchObject({
      code: 'NF_STUDY_UNKNOWN',
      message: "There is no study 'brain'.",
    });
    await expect(submitJob(lea, one, { signal, study: 'brian' })).rejects.toMatchObject({
      code: 'NF_STUDY_UNKNOWN',
      message: expect.stringContaining("Did you mean 'brain'?"),
    });
    const { jobId } = await submitJob(lea, one, { signal, study: 'brain' });
    const meta = await federation.wait(jobId);
    expect(meta.sites.map(({ site }) => site)).toEqual(['site-1']);
    await expect(leo.job(jobId)).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
    expect((await leo.jobs({})).some(({ job_id: id }) => id === jobId)).toBe(false);
  });

  it('is made and changed by the project admin, its sites by their organisation', async () => {
    const otto = await federation.admin('otto@example.org');
    await expect(otto.registerStudy('mine', [])).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    await expect(admin.registerStudy('brain', [])).rejects.toMatchObject({ code: 'NF_STUDY_EXISTS' });
    await expect(admin.removeStudy('default')).rejects.toMatchObject({ code: 'NF_STUDY_FIXED' });
    for (const sites of [['site-1'], ['site-2']])
      await expect(otto.changeSites('brain', 'add', sites)).rejects.toMatchObject({
        code: 'NF_STUDY_UNKNOWN',
      });
    expect(await admin.changeSites('brain', 'add', ['site-2'])).toMatchObject({
      sites: ['site-1', 'site-2'],
    });
    // Its own site it may take out of any study, of which it learns nothing else.
    expect(await otto.changeSites('brain', 'remove', ['site-1'])).toMatchObject({ sites: [], users: {} });
    await admin.addUser('brain', 'otto@example.org', 'member');
    expect(await otto.changeSites('brain', 'add', ['site-1'])).toMatchObject({
      sites: ['site-1', 'site-2'],
      users: { 'otto@example.org': 'member' },
    });
    await expect(otto.changeSites('brain', 'remove', ['site-2'])).rejects.toMatchObject({
      code: 'NF_ACCESS_DENIED',
    });
    await admin.removeUser('brain', 'lea@example.org');
    await admin.removeStudy('brain');
    expect((await admin.studies()).map(({ name }) => name)).toEqual(['default']);
  });
});

describe('a site that is disabled', () => {
  it('is out at once and stays out, and comes back when it is enabled', async () => {
    await admin.enableClient('site-2', false);
    await until(async () =>
      (await admin.status()).sites.some(({ name, connected }) => name === 'site-2' && !connected),
    );
    await until(() => federation.said('site-2').some((line) => line.includes('is disabled at the server')));
    await admin.enableClient('site-2', true);
    await federation.connected(2);
  });
});

describe('the egress ledger', () => {
  it('lists every update with its size and digest, and what it was for', async () => {
    const { job_id: id } = await federation.run(await job());
    const folder = folderOf({ kitDir: federation.kits.kit('site-1') });
    const { sums } = await reportEgress(folder, { job: id });
    const update = sums.find(({ what }) => what === 'update');
    expect(update).toMatchObject({ requests: 2, bytes: 2 * 88 });
    expect(sums.map(({ what }) => what)).toEqual(['decision', 'figures', 'update']);
    const ledger = await readFile(folder.egress, 'utf8');
    const entries = ledger
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const own = entries.filter(({ job: about, what }) => about === id && what === 'update');
    expect(own.map(({ task }) => task)).toEqual(['train/1/site-1', 'train/2/site-1']);
    expect(own[0].sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a site that fails over a file of a patient', () => {
  const failing = () =>
    job({
      script: TINY_SCRIPT.replace(
        'const { params }',
        `const { file } = flare.args();
  if (flare.siteName() === 'site-2') throw new Error(\`no voxels in \${file}, opened as '\${file}'\`);
  const { params }`,
      ),
      patch: { workflow: { num_rounds: 1 }, executor: { args: { step: 1, file: PATIENT } } },
    });
  const PATIENT = join(root, 'Müller, Anna (1950)', 't1 post.nii.gz');
  /** All that the server tells of a job. */
  const toldOf = async (folder: string) => {
    const { job_id: id, status, ...meta } = await federation.run(folder);
    expect(status).toBe('FINISHED:EXECUTION_EXCEPTION');
    const { events } = await admin.events(id, { after: 0, waitSeconds: 0 });
    return {
      failure: JSON.stringify(meta.first_failure),
      all: JSON.stringify([meta, events, await admin.logs(id, {})]),
    };
  };

  it('tells the coordinator what happened, and no path', async () => {
    const { failure, all } = await toldOf(await failing());
    expect(failure).toContain("no voxels in <path>, opened as '<path>'");
    expect(all).not.toMatch(/Müller|Anna|t1 post|neuroflare-/);
  });

  it('tells the path where its policy lets logs out', async () => {
    await policy('site-2', { 'send_logs: false': 'send_logs: true' });
    expect((await toldOf(await failing())).failure).toContain('t1 post.nii.gz');
    await policy('site-2', { 'send_logs: true': 'send_logs: false' });
  });

  it('names no file of its own where its rules cannot be read', async () => {
    await policy('site-2', { 'version: 1': 'version: 1\nsend_log: true' });
    const id = await federation.submit(await job());
    await until(async () => (await admin.job(id)).sites[1]?.reason !== undefined);
    const { sites } = await admin.job(id);
    expect(sites[1]?.reason).toMatchObject({
      code: 'NF_KIT_LOCAL',
      message: expect.stringContaining('send_log'),
    });
    expect(JSON.stringify(sites)).not.toContain(root);
    await policy('site-2', { '\nsend_log: true': '' });
    expect(await federation.wait(id)).toMatchObject({ status: 'FINISHED:COMPLETED' });
  });
});
