import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Admin } from '../../src/runtime/deployment/admin/admin.ts';
import { submitJob } from '../../src/runtime/deployment/admin/submit.ts';
import { writeJob } from '../support/job-folder.ts';
import { LiveFederation } from '../support/live-federation.ts';
import { PYTHON } from '../support/python.ts';
import { ask, tlsOf } from '../support/raw-request.ts';
import { tempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
const root = tempFolder();
const LEAD = 'lea@example.org';
let federation: LiveFederation;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 1 });
});
afterAll(() => federation.close());

/** What `job submit` would send: a submission is signed here, for no generator knows how. */
async function submissionBy(admin: Admin, folder: string): Promise<unknown> {
  const sent: unknown[] = [];
  const connection = {
    send: async ({ body }: { body: unknown }) => {
      sent.push(body);
      return { job_id: '', is_new: true };
    },
  };
  const unsent = { kit: admin.kit, connection } as unknown as Admin;
  await submitJob(unsent, folder, { signal: new AbortController().signal });
  return sent[0];
}

/** Submits, watches and downloads by nothing but what the generator made of the document. */
const PROGRAM = `
import json, ssl, sys, time
from made.client import Client
from made.api.default import get_v1_jobs, get_v1_jobs_job, get_v1_jobs_job_files, get_v1_jobs_job_files_path, post_v1_jobs
from made.models import PostV1JobsBody
url, ca, cert, key, submission, model = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
tls.load_cert_chain(cert, key)
client = Client(base_url=url, verify_ssl=tls, timeout=60, raise_on_unexpected_status=True)
v = dict(client=client, neuroflare_protocol="2")
taken = post_v1_jobs.sync(body=PostV1JobsBody.from_dict(json.load(open(submission))), **v)
job = taken.job_id
while not get_v1_jobs_job.sync(job, **v).status.startswith("FINISHED"):
    time.sleep(0.3)
listed = [(str(one.job_id), str(one.status)) for one in get_v1_jobs.sync(**v).jobs]
files = [one.path for one in get_v1_jobs_job_files.sync(job, **v).files]
open(model, "wb").write(get_v1_jobs_job_files_path.sync(job, "model.safetensors", **v).payload.read())
nested = [path for path in files if "/" in path]
sizes = [len(get_v1_jobs_job_files_path.sync(job, path, **v).payload.read()) for path in nested]
refused = get_v1_jobs_job.sync("00000000-0000-4000-8000-000000000000", **v)
print(json.dumps({"job": str(job), "is_new": taken.is_new, "listed": listed, "files": files, "nested": len(nested), "sizes": sizes, "refused": refused.code}))
`;

it.skipIf(PYTHON === undefined)(
  'a client that is made from the OpenAPI document submits a job, lists it and downloads its results',
  async () => {
    const kit = federation.kits.kit(LEAD);
    const { body: document } = await ask(
      federation.kits,
      '/openapi.json',
      await tlsOf(federation.kits, LEAD),
    );
    await writeFile(join(root, 'openapi.json'), document);
    const bin = dirname(PYTHON ?? '');
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, PYTHONPATH: root };
    const words = ['generate', '--path', 'openapi.json', '--output-path', 'made', '--meta', 'none'];
    const made = await run(join(bin, 'openapi-python-client'), words, { cwd: root, env });
    // It leaves out what it cannot make, and says so.
    expect(made.stdout + made.stderr).not.toMatch(/warning|not be generated/i);
    const folder = await writeJob(join(root, 'job'), { patch: { workflow: { n_clients: 1 } } });
    const submission = join(root, 'submission.json');
    const sent = await submissionBy(await federation.admin(LEAD), folder);
    await writeFile(submission, JSON.stringify(sent));
    const model = join(root, 'model.safetensors');
    const files = ['rootCA.pem', 'client.crt', 'client.key'].map((name) => join(kit, 'startup', name));
    const url = `https://localhost:${federation.kits.port}`;
    const { stdout } = await run(PYTHON ?? '', ['-c', PROGRAM, url, ...files, submission, model], { env });
    const said = JSON.parse(stdout) as { job: string; nested: number; sizes: number[] };
    expect(said).toMatchObject({
      is_new: true,
      listed: [[said.job, 'FINISHED:COMPLETED']],
      files: expect.arrayContaining(['model.safetensors', 'events.jsonl']),
      refused: 'NF_JOB_UNKNOWN',
    });
    expect(said.nested).toBeGreaterThan(0);
    expect(said.sizes.every((size) => size > 0)).toBe(true);
    expect(await readFile(model)).toEqual(await federation.model(said.job));
  },
);
