import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import { UPLOAD_LIMITS } from '../../../src/runtime/base/limits.ts';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let site: RawSite;
let job = '';
let count = 0;
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  const kits = await makeLiveKits(join(root, 'kits'), { clients: 1 });
  await kits.changeFile('hub', 'local/resources.yml', { 'max_model_gb: 20': 'max_model_gb: 0.001' });
  federation = new LiveFederation(kits);
  const folder = join(federation.state, 'uploads/lea%40example.org');
  await mkdir(folder, { recursive: true });
  for (const [name, hours] of [
    ['old.part', 25],
    ['young.part', 1],
  ] as const) {
    const path = join(folder, name);
    await writeFile(path, 'x');
    const time = new Date(Date.now() - hours * HOUR_MS);
    await utimes(path, time, time);
  }
  await federation.startServer();
});
afterAll(() => federation.close());

async function begin(): Promise<void> {
  const folder = await writeJob(join(root, `job-${count++}`), {
    patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 600 } },
  });
  site = await RawSite.connect(federation.kits, 'site-1');
  job = await federation.submit(folder, { clients: ['site-1'] });
  await site.accept(job);
  await site.task(job);
}
async function end(): Promise<void> {
  await site.close();
  await federation.end(job);
}
const update = (value: number) =>
  Buffer.from(encodeSafetensors({ weights: float32([value, value, value, value]) }));

describe('for one task a site', () => {
  afterEach(end);

  it('sends one whole update, and it as often as it likes', async () => {
    await begin();
    expect(await site.patch(job, update(1))).toMatchObject({ done: true });
    expect(await site.patch(job, update(1))).toMatchObject({ done: true });
    await expect(site.patch(job, update(2))).rejects.toMatchObject({
      code: 'NF_UPLOAD_TWICE',
      message: expect.stringContaining(sha256(update(1))),
    });
    const blobs = await readdir(join(federation.state, 'jobs', job, 'blobs'));
    expect(blobs.filter((name) => name === sha256(update(2)))).toEqual([]);
  });

  it('sends another one when its client has a new folder, a few times', async () => {
    await begin();
    for (let value = 1; value <= UPLOAD_LIMITS.whole_per_task.most; value++) {
      expect(await site.patch(job, update(value))).toMatchObject({ done: true });
      await site.send('DELETE', '/v1/site/session?comes_back=true');
      site = await RawSite.connect(federation.kits, 'site-1');
    }
    await expect(site.patch(job, update(9))).rejects.toMatchObject({ code: 'NF_UPLOAD_TWICE' });
  });

  it('has one file on its way: another one takes its place', async () => {
    await begin();
    for (let value = 1; value <= 5; value++) {
      const bytes = update(value);
      const some = { digest: sha256(bytes), length: bytes.length };
      expect(await site.patch(job, bytes.subarray(0, 20), some)).toEqual({ offset: 20, done: false });
    }
    const parts = await readdir(join(federation.state, 'jobs', job, 'uploads/site-1'));
    expect(parts).toEqual([`${sha256(update(5))}.part`]);
  });

  it('fails when file after file is not what it announced', async () => {
    await begin();
    for (let times = 1; times <= UPLOAD_LIMITS.spoilt_per_task.most; times++) {
      const wrong = site.patch(job, update(times), { digest: sha256(`announced ${times}`) });
      await expect(wrong).rejects.toMatchObject({ code: 'NF_TRANSFER_DIGEST' });
    }
    expect(await federation.wait(job)).toMatchObject({
      first_failure: { site: 'site-1', error: { code: 'NF_UPLOAD_SPOILT' } },
    });
  });
});

describe('a user', () => {
  const folder = () => join(federation.state, 'uploads/leo%40example.org');
  const send = async (bytes: Buffer, length: number, who = 'leo@example.org') => {
    const answer = await ask(federation.kits, `/v1/jobs/uploads/${sha256(bytes)}`, {
      ...(await tlsOf(federation.kits, who)),
      method: 'PATCH',
      headers: {
        'neuroflare-protocol': '2',
        'content-type': 'application/octet-stream',
        'upload-length': String(length),
      },
      body: bytes,
    });
    return JSON.parse(answer.body) as { code?: string; message?: string; offset?: number };
  };

  it('has files that were forgotten removed at the start, and goes on with the others', async () => {
    const left = await readdir(join(federation.state, 'uploads/lea%40example.org'));
    expect(left).toEqual(['young.part']);
  });

  it('has so many bytes on the server, as announced, and no more', async () => {
    expect(await send(randomBytes(10), 1_000_000)).toEqual({ offset: 10, done: false });
    expect(await send(randomBytes(11), 999_990)).toEqual({ offset: 11, done: false });
    expect(await send(randomBytes(12), 100)).toMatchObject({
      code: 'NF_UPLOADS_FULL',
      message: expect.stringContaining('2000000 bytes are the most'),
    });
    expect(await readdir(folder())).toHaveLength(2);
  });

  it('has no room where all users together have taken it up', async () => {
    const others = join(federation.state, 'uploads/someone%40example.org');
    await mkdir(others, { recursive: true });
    const file = join(others, 'x'.repeat(64));
    await writeFile(file, '');
    await truncate(file, UPLOAD_LIMITS.all_models.most * 1_000_000);
    expect(await send(randomBytes(10), 20, 'ann@example.org')).toMatchObject({
      code: 'NF_UPLOADS_FULL',
      message: expect.stringMatching(/of all users .* 10000000 bytes are the most/),
    });
    expect(existsSync(join(federation.state, 'uploads/ann%40example.org'))).toBe(false);
    await rm(others, { recursive: true });
    expect(await send(randomBytes(10), 20, 'ann@example.org')).toEqual({ offset: 10, done: false });
  });

  it('has so many files there and no more', async () => {
    const who = 'lea@example.org';
    const most = UPLOAD_LIMITS.user_files.most - 1;
    for (let file = 0; file < most; file++)
      expect(await send(randomBytes(10), 20, who)).toEqual({ offset: 10, done: false });
    expect(await send(randomBytes(10), 20, who)).toMatchObject({ code: 'NF_UPLOADS_FULL' });
    // Those of others do not count.
    expect(existsSync(folder())).toBe(true);
    expect(await send(randomBytes(10), 20, 'ann@example.org')).toEqual({ offset: 10, done: false });
  });
});
