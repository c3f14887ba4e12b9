import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { NeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { submitted } from '../../../src/runtime/network/messages/admin.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { type JobParts, TINY_SCRIPT, writeJob } from '../../support/job-folder.ts';
import { jobTerms } from '../../support/job-terms.ts';
import { LIMITS } from '../../support/limits.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let count = 0;
afterEach(() => federation.close());

const job = (parts: JobParts = {}) => writeJob(join(root, `job-${count++}`), parts);

/** What a lead can send who does not use the tool, which would refuse the job itself. */
async function send(admin: Admin, parts: JobParts): Promise<NeuroflareError> {
  const bundle = await readBundle(await job(parts));
  const terms = jobTerms({ project: admin.kit.project, bundle_sha256: bundle.sha256 });
  const { job_id: token } = terms;
  const body = { terms, bundle: packBundle(bundle), signature: signJob(terms, admin.kit), token };
  return admin.connection
    .send({ method: 'POST', path: '/v1/jobs/', body, answer: submitted, waitSeconds: LIMITS.moment })
    .then(
      () => Promise.reject(new Error('It was taken.')),
      (error: NeuroflareError) => error,
    );
}

const deep = (text: string) => `${TINY_SCRIPT}\nconst z = ${text};\n`;
const HOSTILE: readonly (readonly [string, JobParts])[] = [
  ['NF_JOB_SCRIPT_SYNTAX', { script: deep(`${'('.repeat(20_000)}1${')'.repeat(20_000)}`) }],
  ['NF_JOB_SCRIPT_SYNTAX', { script: `${TINY_SCRIPT}\nconst z = ;\n` }],
  ['NF_JOB_INVALID', { patch: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`zz${i}`, 1])) }],
  ['NF_JOB_YAML', { files: { 'job.yaml': '{a: '.repeat(40_000) } }],
  ['NF_JOB_DATA', { patch: { model: { initial_params: 'none.safetensors' } } }],
  ['NF_JOB_PATH', { patch: { model: { initial_params: '../../../../startup/server.key' } } }],
  [
    'NF_JOB_PATH',
    {
      patch: {
        model: {
          initial_params: undefined,
          type: 'mri-cnn',
          import: '/dev/zero',
          image_size: 16,
          num_classes: 2,
        },
      },
    },
  ],
  ['NF_JOB_MODEL_SIZE', { patch: { model: { initial_params: { w: { shape: [1e10], data: 1 } } } } }],
];

describe('jobs that are made to harm', () => {
  it('are refused by name, say nothing of the server, and keep no other from its work', async () => {
    federation = await LiveFederation.start(join(root, 'harm'), { clients: 1 });
    const lead = await federation.admin('lea@example.org');
    for (const [code, parts] of HOSTILE) {
      const error = await send(lead, parts);
      expect(error.code, code).toBe(code);
      expect(JSON.stringify(error.report())).not.toContain(root);
    }
    const nested = Array.from({ length: 1000 }).reduce<unknown>((inner) => [inner], 1);
    const body = { bundle: nested };
    const asked = lead.connection.send({ method: 'POST', path: '/v1/jobs/', body, answer: submitted });
    await expect(asked).rejects.toMatchObject({
      code: 'NF_REQUEST_FORM',
      message: expect.stringContaining('100 deep'),
    });
    const meta = await federation.run(await job({ patch: { workflow: { n_clients: 1 } } }));
    expect(meta.status).toBe('FINISHED:COMPLETED');
  });

  it('can be ended while they are being taken up: the server listens before', async () => {
    federation = new LiveFederation(await makeLiveKits(join(root, 'listen'), { clients: 1 }));
    await federation.startServer();
    const id = await federation.submit(await job());
    const other = await federation.submit(await job({ patch: { workflow: { n_clients: 1 } } }));
    await federation.stop('hub');
    const script = join(federation.state, 'jobs', id, 'bundle/client/more.ts');
    await writeFile(script, 'f(1, 2, 3);\n'.repeat(160_000));
    await federation.startServer();
    const admin = await federation.admin();
    expect((await admin.job(id)).status).toBe('SUBMITTED');
    await admin.abort(id);
    expect(await admin.job(id)).toMatchObject({
      status: 'FINISHED:ABORTED',
      error: { code: 'NF_JOB_ABORTED' },
    });
    await federation.startClient('site-1');
    expect((await federation.wait(other)).status).toBe('FINISHED:COMPLETED');
  });

  it.each([
    'opening this job',
    'reading the log of this job',
    'making the model of this job',
    "making a round's model of this job",
    'writing the results of this job',
  ])('are not tried again when the server died of them %s, four times', async (step) => {
    federation = new LiveFederation(await makeLiveKits(join(root, `held-${count++}`), { clients: 1 }));
    await federation.startServer();
    const id = await federation.submit(await job({ patch: { workflow: { n_clients: 1 } } }));
    await federation.stop('hub');
    const note = join(federation.state, 'jobs', id, 'step.json');
    await writeFile(note, JSON.stringify({ [step]: 4 }));
    await federation.startServer();
    await federation.startClient('site-1');
    const meta = await federation.wait(id);
    expect(meta).toMatchObject({ status: 'FINISHED:EXECUTION_EXCEPTION', error: { code: 'NF_JOB_HELD' } });
    expect(meta.error?.message).toContain(step);
    const admin = await federation.admin();
    await admin.delete(id);
    await until(async () => (await admin.jobs({})).length === 0);
  });
});
