import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { inTurn } from '../../../src/runtime/deployment/admin/in-turn.ts';
import { termsOf } from '../../../src/runtime/federation/job-terms.ts';
import { modelForm } from '../../../src/runtime/federation/model-form.ts';
import { loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { submitted } from '../../../src/runtime/network/messages/admin.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** Requests that meet: each is answered, and what they are told is what then is so. */
const root = tempFolder();
const signal = new AbortController().signal;
const LEA = 'lea@example.org';
let federation: LiveFederation;
let admin: Admin;
let count = 0;

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  admin = await federation.admin();
});
afterAll(() => federation.close());

const job = () =>
  writeJob(join(root, `job-${count++}`), {
    patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 600 } },
  });

/** What one signed, to be sent as often as one likes. */
async function signedBy(who: string, folder: string, jobId: string) {
  const lead = await federation.admin(who);
  const loaded = await loadSubmittedJob(folder, { modelComesApart: false, mostModelBytes: 1e9 });
  const definition = loaded.job.definition;
  const model = await modelForm(definition, { rules: LOCAL_FILES });
  const terms = termsOf(
    { job: definition, bundle: loaded.bundle, model },
    {
      study: 'default',
      clients: undefined,
      project: lead.kit.project,
      jobId,
      validDays: 1,
      now: new Date(),
    },
  );
  const body = {
    terms,
    bundle: packBundle(loaded.bundle),
    signature: signJob(terms, lead.kit),
    token: `${jobId} of ${who}`,
  };
  const wish = { method: 'POST', path: '/v1/jobs/', body, answer: submitted } as const;
  const send = () =>
    inTurn(() => lead.connection.send(wish), signal).catch(({ code }: { code: string }) => code);
  return { send, lead };
}

const ended = async (id: string) => {
  await admin.abort(id);
  await federation.wait(id);
};

describe('submissions with one job id', () => {
  it('of one lead, sent several times at once, are one job', async () => {
    const id = crypto.randomUUID();
    const { send } = await signedBy(LEA, await job(), id);
    const answers = await Promise.all(Array.from({ length: 6 }, send));
    expect(answers.map((answer) => (typeof answer === 'string' ? answer : answer.job_id))).toEqual(
      Array.from({ length: 6 }, () => id),
    );
    expect(answers.filter((answer) => typeof answer !== 'string' && answer.is_new)).toHaveLength(1);
    await ended(id);
  });

  it('of two leads at once are the job of one, and refused by name to the other', async () => {
    const id = crypto.randomUUID();
    const folder = await job();
    const [one, two] = [await signedBy(LEA, folder, id), await signedBy('leo@example.org', folder, id)];
    const answers = await Promise.all([one.send(), two.send()]);
    expect(answers).toContainEqual({ job_id: id, is_new: true });
    expect(answers).toContain('NF_SUBMIT_TOKEN_CONFLICT');
    await ended(id);
  });

  it('are no new job after it was deleted', async () => {
    const id = crypto.randomUUID();
    const { send, lead } = await signedBy(LEA, await job(), id);
    await send();
    await ended(id);
    await lead.delete(id);
    expect(await send()).toBe('NF_JOB_DELETED');
    await expect(admin.job(id)).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
  });
});

describe('an abort at the end of a job', () => {
  // Anew each time: a site that asked for nothing while others had the machine is not known any more.
  let site: RawSite;
  beforeEach(async () => {
    site = await RawSite.connect(federation.kits, 'site-1');
  });
  afterEach(() => site.close());

  it.each([0, 0, 1, 3, 8, 20])('comes in time or too late, and is told so: after %d ms', async (after) => {
    const id = await federation.submit(await job());
    await site.accept(id);
    await site.task(id);
    await site.result(id, { update: await site.upload(id, { weights: float32([1, 2, 3, 4]) }) });
    while ((await site.task(id)).round !== 2);
    await site.result(id, { round: 2 });
    await new Promise((resolve) => setTimeout(resolve, after));
    const abort = () =>
      admin.abort(id).then(
        () => 'aborted',
        ({ code }: { code: string }) => code,
      );
    const told = await Promise.all([abort(), abort()]);
    const meta = await federation.wait(id);
    if (told.includes('aborted'))
      expect(meta).toMatchObject({ status: 'FINISHED:ABORTED', error: { code: 'NF_JOB_ABORTED' } });
    else
      expect([told, meta]).toMatchObject([
        ['NF_JOB_OVER', 'NF_JOB_OVER'],
        { status: 'FINISHED:COMPLETED', error: null },
      ]);
    expect(await abort()).toBe('NF_JOB_OVER');
    expect((await admin.job(id)).error?.code ?? null).toBe(meta.error?.code ?? null);
  });
});
