import { randomUUID } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import { packageVersion } from '../../../src/runtime/base/files/package-version.ts';
import { encodeSafetensors } from '../../../src/runtime/base/tensors/safetensors.ts';
import type { Admin } from '../../../src/runtime/deployment/admin/admin.ts';
import { readBundle } from '../../../src/runtime/job/bundle.ts';
import { packBundle } from '../../../src/runtime/network/packed-bundle.ts';
import { Connection } from '../../../src/runtime/network/transfer/connection.ts';
import { signJob } from '../../../src/runtime/security/job-signature.ts';
import { openKit } from '../../../src/runtime/security/kit/open.ts';
import { revokeParticipant } from '../../../src/runtime/security/provision.ts';
import { makeFederation } from '../../support/federation-kits.ts';
import { writeJob } from '../../support/job-folder.ts';
import { jobTerms } from '../../support/job-terms.ts';
import { LIMITS } from '../../support/limits.ts';
import { LiveFederation, until } from '../../support/live-federation.ts';
import { float32 } from '../../support/param-sets.ts';
import { ask as rawAsk, tlsOf as rawTlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let admin: Admin;
let count = 0;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 0 });
  const { makeLiveKits } = await import('../../support/live-federation.ts');
  await federation.close();
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits-2'), { clients: 2 }));
  await federation.startServer();
  admin = await federation.admin();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(() => federation.close());

const job = (patch: Record<string, unknown> = {}) =>
  writeJob(join(root, `job-${count++}`), {
    patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 5 }, ...patch },
  });
const site = async (name = 'site-1', options = {}) => {
  const one = await RawSite.connect(federation.kits, name, options);
  open.push(one);
  return one;
};

const ask = (path: string, options: Parameters<typeof rawAsk>[2] = {}) =>
  rawAsk(federation.kits, path, options);
const tlsOf = (name: string) => rawTlsOf(federation.kits, name);

describe('a certificate', () => {
  it('of another project is refused, and it is said why', async () => {
    const theirs = await makeFederation(join(root, 'theirs'));
    const { cert, key } = (await openKit(theirs.kit('site-1'), 'client')).tls;
    const { ca } = await tlsOf('site-1');
    const answer = await ask('/healthz', { ca, cert, key });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'NF_CERT_REFUSED',
      message: expect.stringContaining('another project'),
    });
  });

  it('that is missing is refused', async () => {
    const { ca } = await tlsOf('site-1');
    expect((await ask('/v1/system/status', { ca })).status).toBe(403);
  });

  it('that has expired is named so', async () => {
    const { provision } = await import('../../../src/runtime/security/provision.ts');
    const { readProject: _unused } = await import('../../../src/runtime/security/project/read-project.ts');
    const { openAuthority } = await import('../../../src/runtime/security/authority/authority.ts');
    const authority = await openAuthority(join(federation.kits.root, 'brain'));
    const long = new Date(Date.now() - 10 * 86_400_000);
    const made = await provision(authority.project, {
      workspace: federation.kits.root,
      days: 1,
      rootDays: 3650,
      now: long,
    });
    const kit = made.kits.find(({ participant }) => participant.name === 'site-2')?.path ?? '';
    const { readFile } = await import('node:fs/promises');
    const [cert, key] = await Promise.all(
      ['startup/client.crt', 'startup/client.key'].map((path) => readFile(join(kit, path), 'utf8')),
    );
    const { ca } = await tlsOf('site-1');
    const answer = await ask('/healthz', { ca, ...(cert && { cert }), ...(key && { key }) });
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'NF_CERT_REFUSED',
      message: expect.stringContaining('expired'),
    });
  });

  it('that is revoked while the server runs is out within seconds', async () => {
    const mia = await federation.admin('mia@example.org');
    expect((await mia.status()).server.name).toBe('hub');
    await revokeParticipant('mia@example.org', { workspace: federation.kits.root, now: new Date() });
    await until(async () => {
      const code = await mia.status().then(
        () => undefined,
        (error: { code?: string }) => error.code,
      );
      return code === 'NF_CERT_REFUSED';
    });
    expect((await admin.status()).server.name).toBe('hub');
  });

  it('of a site steers no jobs, and that of an admin is no site', async () => {
    const one = await site();
    await expect(one.send('GET', '/v1/jobs')).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
    const { connection } = admin;
    const asSite = connection.send({
      method: 'POST',
      path: '/v1/site/session',
      body: {},
      answer: z.unknown(),
    });
    await expect(asSite).rejects.toMatchObject({ code: 'NF_ACCESS_DENIED' });
  });
});

describe('a stranger', () => {
  it('who speaks plain HTTP is told what this port is', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      plainRequest({ host: 'localhost', port: federation.kits.port, path: '/' }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
        expect(response.statusCode).toBe(400);
      })
        .on('error', reject)
        .end();
    });
    expect(answer).toContain('TLS port of a neuroflare server');
  });

  it('who says nothing, or nonsense, keeps nobody from working', async () => {
    const silent = connect(federation.kits.port, 'localhost');
    const noisy = connect(federation.kits.port, 'localhost');
    noisy.on('error', () => undefined).write(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]));
    silent.on('error', () => undefined);
    expect((await admin.status()).server.name).toBe('hub');
    silent.destroy();
    noisy.destroy();
  });

  it('of another version of the protocol is refused by name', async () => {
    const tls = await tlsOf('site-1');
    const answer = await ask('/v1/site/session', {
      ...tls,
      method: 'POST',
      headers: { 'neuroflare-protocol': '1' },
    });
    expect(answer.status).toBe(426);
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'NF_PROTOCOL_VERSION',
      message: `This server runs neuroflare ${packageVersion()} and speaks version 2 of its protocol, not 1.`,
      hint: expect.stringContaining(`npm install --global neuroflare@${packageVersion()}`),
    });
  });

  it('finds what the routes take in the OpenAPI document', async () => {
    const { status, body } = await ask('/openapi.json', await tlsOf('site-1'));
    expect(status).toBe(200);
    const { paths } = JSON.parse(body) as { paths: Record<string, unknown> };
    expect(Object.keys(paths)).toContain('/v1/site/jobs/{job}/results');
    expect(Object.keys(paths).length).toBeGreaterThan(25);
  });

  it('finds figures for Prometheus', async () => {
    const { body } = await ask('/metrics', await tlsOf('ann@example.org'));
    expect(body).toMatch(/^neuroflare_sites_connected \d+$/m);
    expect(body).toMatch(/^process_resident_memory_bytes \d+/m);
  });
});

describe('a second client of a site', () => {
  it('is refused while the first one is there', async () => {
    const first = await site();
    await expect(site('site-1')).rejects.toMatchObject({ code: 'NF_SITE_TAKEN', exitCode: 4 });
    await first.send('DELETE', '/v1/site/session');
    await site('site-1');
  });

  it('of the same folder takes its place at once', async () => {
    const instance = randomUUID();
    const first = await site('site-2', { instance });
    await site('site-2', { instance });
    await expect(first.poll()).rejects.toMatchObject({ code: 'NF_SESSION_REPLACED' });
  });

  it('without a session is asked to register', async () => {
    const one = await site('site-2', { instance: randomUUID() }).catch(() => undefined);
    const { endpoint, tls } = await openKit(federation.kits.kit('site-1'), 'client');
    const connection = new Connection({ ...endpoint.server, tls, connectSeconds: LIMITS.moment });
    open.push(connection);
    const body = { seen: null, wait_seconds: 0, jobs: [] };
    const poll = connection.send({ method: 'POST', path: '/v1/site/poll', body, answer: z.unknown() });
    await expect(poll).rejects.toMatchObject({
      code: expect.stringMatching(/NF_SESSION_(UNKNOWN|REPLACED)/),
    });
    await one?.send('DELETE', '/v1/site/session');
  });
});

describe('an answer of a site', () => {
  const begun = async () => {
    const id = await federation.submit(await job(), { clients: ['site-1'] });
    const one = await site();
    await one.accept(id);
    const task = await one.task(id);
    return { id, one, task, params: await one.model(id, task.model.sha256) };
  };
  const ended = async (one: RawSite, id: string) => {
    await one.send('DELETE', '/v1/site/session').catch(() => undefined);
    return federation.end(id);
  };

  it.each<
    [
      string,
      (params: Record<string, ReturnType<typeof float32>>) => Record<string, ReturnType<typeof float32>>,
      string,
    ]
  >([
    ['with NaN', () => ({ weights: float32([1, Number.NaN, 3, 4]) }), 'NF_TENSORS_NOT_FINITE'],
    [
      'with infinity',
      () => ({ weights: float32([1, 2, 3, Number.POSITIVE_INFINITY]) }),
      'NF_TENSORS_NOT_FINITE',
    ],
    ['with another name', () => ({ weight: float32([1, 2, 3, 4]) }), 'NF_TENSORS_NAMES'],
    [
      'with one array more',
      () => ({ weights: float32([1, 2, 3, 4]), more: float32([1]) }),
      'NF_TENSORS_NAMES',
    ],
    ['of another shape', () => ({ weights: float32([1, 2, 3, 4], [2, 2]) }), 'NF_TENSORS_SHAPE'],
  ])('%s is refused and fails the site', async (_what, bad, code) => {
    const { id, one } = await begun();
    const update = await one.upload(id, bad({}));
    await expect(one.result(id, { update })).rejects.toMatchObject({ code });
    expect(await ended(one, id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      first_failure: { site: 'site-1', error: { code } },
    });
  });

  it.each([
    ['an accuracy among the totals', { means: {}, totals: { accuracy: 1e99 } }],
    ['a mean of other figures', { means: { accuracy: { sum: 0, weight: 1 } }, totals: {} }],
  ])('with sums that are not those of its figures is refused: %s', async (_what, statistics) => {
    const { id, one } = await begun();
    const update = await one.upload(id, { weights: float32([1, 2, 3, 4]) });
    const code = 'NF_RESULT_SUMS';
    await expect(one.result(id, { update, statistics })).rejects.toMatchObject({ code });
    expect(await ended(one, id)).toMatchObject({ first_failure: { site: 'site-1', error: { code } } });
  });

  it('with a table of the name of a figure is refused by its form', async () => {
    const { id, one } = await begun();
    const update = await one.upload(id, { weights: float32([1, 2, 3, 4]) });
    const counted = { examples: 1, alike: {}, means: {}, groups: {}, macro: {}, tables: { accuracy: [[1]] } };
    const statistics = { means: { accuracy: { sum: 1, weight: 1 } }, totals: {}, counted };
    const code = 'NF_REQUEST_FORM';
    await expect(one.result(id, { update, statistics })).rejects.toMatchObject({ code });
    await ended(one, id);
  });

  it('that is no safetensors file is refused', async () => {
    const { id, one } = await begun();
    const bytes = Buffer.from('not a model at all, but long enough to have a header');
    await one.patch(id, bytes);
    const update = { sha256: sha256(bytes), size: bytes.length };
    await expect(one.result(id, { update })).rejects.toMatchObject({ code: 'NF_TENSORS_FILE' });
    await ended(one, id);
  });

  it('whose bytes are not what was announced is not taken in', async () => {
    const { id, one } = await begun();
    const bytes = encodeSafetensors({ weights: float32([1, 2, 3, 4]) });
    const patch = one.patch(id, bytes, { digest: sha256('something else') });
    await expect(patch).rejects.toMatchObject({ code: 'NF_TRANSFER_DIGEST' });
    const missing = one.result(id, { update: { sha256: sha256('something else'), size: 88 } });
    await expect(missing).rejects.toMatchObject({ code: 'NF_UPLOAD_MISSING' });
    await ended(one, id);
  });

  it('of ten gigabytes is refused before it comes', async () => {
    const { id, one } = await begun();
    const patch = one.patch(id, new Uint8Array(10), { length: 10_000_000_000 });
    await expect(patch).rejects.toMatchObject({ code: 'NF_UPLOAD_TOO_LARGE' });
    const longer = one.patch(id, new Uint8Array(200), { length: 100 });
    await expect(longer).rejects.toMatchObject({ code: 'NF_UPLOAD_TOO_LARGE' });
    await ended(one, id);
  });

  it('that begins at the wrong byte is asked for the right one', async () => {
    const { id, one } = await begun();
    const bytes = encodeSafetensors({ weights: float32([5, 6, 7, 8]) });
    await one.patch(id, bytes.subarray(0, 20), { digest: sha256(bytes), length: bytes.length });
    const wrong = one.patch(id, bytes.subarray(30), {
      digest: sha256(bytes),
      length: bytes.length,
      offset: 30,
    });
    await expect(wrong).rejects.toMatchObject({
      code: 'NF_UPLOAD_OFFSET',
      message: expect.stringContaining('has 20 bytes'),
    });
    const rest = { digest: sha256(bytes), length: bytes.length, offset: 20 };
    expect(await one.patch(id, bytes.subarray(20), rest)).toEqual({ offset: bytes.length, done: true });
    expect(await one.patch(id, bytes.subarray(20), rest)).toEqual({ offset: bytes.length, done: true });
    await ended(one, id);
  });

  it('given twice counts once, and after its round it is late', async () => {
    const { id, one, params } = await begun();
    const update = await one.upload(id, params);
    const both = await Promise.all([one.result(id, { update }), one.result(id, { update })]);
    expect(both.map(({ verdict }) => verdict).sort()).toEqual(['accepted', 'duplicate']);
    await one.task(id);
    expect((await one.result(id, { update })).verdict).toBe('duplicate');
    expect((await one.result(id, { round: 7, update })).verdict).toBe('late');
    await ended(one, id);
  });

  it('to another job, or of a job it has no part in, is refused', async () => {
    const { id, one } = await begun();
    const update = await one.upload(id, { weights: float32([5, 6, 7, 8]) });
    await expect(one.result(randomUUID(), { update })).rejects.toMatchObject({ code: 'NF_JOB_NOT_HERE' });
    const other = await site('site-2');
    for (const path of [`/v1/site/jobs/${id}/bundle`, `/v1/site/jobs/${id}/files/${update.sha256}`])
      await expect(other.send('GET', path)).rejects.toMatchObject({ code: 'NF_JOB_NOT_HERE' });
    await expect(other.result(id, { update })).rejects.toMatchObject({ code: 'NF_JOB_NOT_HERE' });
    await other.send('DELETE', '/v1/site/session');
    await expect(one.send('GET', `/v1/site/jobs/${id}/files/${update.sha256}`)).rejects.toMatchObject({
      code: 'NF_FILE_UNKNOWN',
    });
    await ended(one, id);
  });

  it.each([
    ['a weight of nothing', { num_examples: 0 }],
    ['an unknown encoding', { encoding: 'pickle' }],
    ['an unknown key', { surprise: 1 }],
    ['a task that has no id', { task: 'one' }],
  ])('with %s is refused as it comes', async (_what, over) => {
    const { id, one } = await begun();
    await expect(one.result(id, over)).rejects.toMatchObject({ code: 'NF_REQUEST_FORM' });
    await ended(one, id);
  });

  it('that is missing what was asked, or brings what was not, fails the site', async () => {
    const { id, one } = await begun();
    await expect(one.result(id)).rejects.toMatchObject({ code: 'NF_RESULT_INVALID' });
    expect(await ended(one, id)).toMatchObject({ first_failure: { error: { code: 'NF_RESULT_INVALID' } } });
  });

  it('that comes a byte a second does not hold the round open', async () => {
    const { id, one } = await begun();
    const bytes = Buffer.from(encodeSafetensors({ weights: float32([5, 6, 7, 8]) }));
    const tls = await tlsOf('site-1');
    const headers = {
      'neuroflare-protocol': '2',
      'neuroflare-session': one.session,
      'content-type': 'application/octet-stream',
      'upload-offset': '0',
      'upload-length': String(bytes.length),
      'content-length': String(bytes.length),
    };
    const path = `/v1/site/jobs/${id}/uploads/${sha256(bytes)}`;
    const slow = secureRequest({
      host: 'localhost',
      port: federation.kits.port,
      path,
      method: 'PATCH',
      headers,
      ...tls,
    });
    slow.on('error', () => undefined);
    let sent = 0;
    const drip = setInterval(() => slow.write(bytes.subarray(sent, ++sent)), 1000);
    const alive = setInterval(() => void one.poll().catch(() => undefined), 500);
    const meta = await federation.wait(id);
    clearInterval(drip);
    clearInterval(alive);
    slow.destroy();
    expect(meta.first_failure).toMatchObject({ error: { code: 'NF_SITE_STALLED' } });
    await one.send('DELETE', '/v1/site/session');
  });
});

describe('a submission', () => {
  const submission = async (
    files: { path: string; content: string }[],
    over: Record<string, unknown> = {},
  ) => {
    const bundle = await readBundle(await job());
    const packed = packBundle(bundle);
    const terms = jobTerms({ bundle_sha256: bundle.sha256, num_rounds: 1 });
    return {
      terms,
      bundle: { files: [...packed.files, ...files] },
      signature: signJob(terms, admin.kit),
      ...over,
    };
  };
  const post = async (body: unknown) =>
    admin.connection.send({ method: 'POST', path: '/v1/jobs/', body, answer: z.unknown() });

  it.each([
    '../../evil.ts',
    '/etc/passwd',
    'client/../../evil.ts',
    'C:/evil.ts',
    'client\\evil.ts',
    'con.ts',
    'a/./b.ts',
    'a//b.ts',
    'JOB.YAML',
  ])('with a file %s is refused', async (path) => {
    const body = await submission([{ path, content: '' }]);
    await expect(post(body)).rejects.toMatchObject({ code: 'NF_JOB_BUNDLE' });
  });

  it('whose files were changed on the way is refused', async () => {
    const body = await submission([{ path: 'client/more.ts', content: Buffer.from('1').toString('base64') }]);
    await expect(post(body)).rejects.toMatchObject({ code: 'NF_JOB_SIGNATURE' });
  });

  it('signed by somebody else is refused', async () => {
    const body = await submission([]);
    const lea = await federation.admin('lea@example.org');
    const stolen = lea.connection.send({ method: 'POST', path: '/v1/jobs/', body, answer: z.unknown() });
    await expect(stolen).rejects.toMatchObject({
      code: 'NF_JOB_SIGNATURE',
      message: expect.stringContaining('ann@example.org'),
    });
  });

  it('sent again as it was is the same job', async () => {
    const body = await submission([]);
    const [first, second] = [await post(body), await post(body)];
    expect(first).toEqual({ job_id: body.terms.job_id, is_new: true });
    expect(second).toEqual({ job_id: body.terms.job_id, is_new: false });
    await admin.abort(body.terms.job_id);
  });

  it('with a YAML bomb is refused in a moment', async () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'.split('').map((name, index) => {
        const before = 'abcdefgh'[index];
        return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`;
      }),
    ].join('\n');
    const folder = await job();
    await writeFile(join(folder, 'job.yaml'), bomb);
    const bundle = await readBundle(folder);
    const terms = jobTerms({ bundle_sha256: bundle.sha256, num_rounds: 1 });
    const body = { terms, bundle: packBundle(bundle), signature: signJob(terms, admin.kit) };
    await expect(post(body)).rejects.toMatchObject({
      code: expect.stringMatching(/^NF_JOB_(YAML|INVALID)$/),
    });
  });

  it('that is packed, a zip bomb say, is not opened', async () => {
    const tls = await tlsOf('ann@example.org');
    const headers = {
      'neuroflare-protocol': '2',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
    };
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const answer = await ask('/v1/jobs/', { ...tls, method: 'POST', headers, body: bomb });
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'NF_REQUEST_FORM' });
    const zip = { ...headers, 'content-type': 'application/zip', 'content-encoding': undefined };
    const raw = await ask('/v1/jobs/', {
      ...tls,
      method: 'POST',
      headers: JSON.parse(JSON.stringify(zip)),
      body: deflateRawSync(Buffer.alloc(1_000_000)),
    });
    expect(JSON.parse(raw.body)).toMatchObject({ code: 'NF_REQUEST_TYPE' });
  });

  it('larger than any job is refused', async () => {
    const tls = await tlsOf('ann@example.org');
    const headers = { 'neuroflare-protocol': '2', 'content-type': 'application/json' };
    const body = JSON.stringify({ files: 'x'.repeat(31_000_000) });
    const answer = await ask('/v1/jobs/', { ...tls, method: 'POST', headers, body }).catch(() => undefined);
    if (answer) expect(JSON.parse(answer.body)).toMatchObject({ code: 'NF_REQUEST_TOO_LARGE' });
    expect((await admin.status()).server.name).toBe('hub');
  });
});

describe('a path of a result', () => {
  it('leads nowhere but to the results', async () => {
    const id = await federation.submit(await job());
    await admin.abort(id);
    await federation.wait(id);
    for (const path of [
      '..%2f..%2fstate.db',
      'blobs/x',
      '%2e%2e/%2e%2e/audit.jsonl',
      'bundle.json',
      '/etc/passwd',
    ]) {
      const got = admin.connection.send({
        method: 'GET',
        path: `/v1/jobs/${id}/files/${path}`,
        answer: z.unknown(),
      });
      await expect(got).rejects.toMatchObject({
        code: expect.stringMatching(/^NF_(FILE_UNKNOWN|ROUTE_UNKNOWN)$/),
      });
    }
  });
});

describe('a second server', () => {
  it('on one state folder is refused', async () => {
    const { serve } = await import('../../../src/runtime/deployment/server/serve.ts');
    const second = serve({
      kitDir: federation.kits.kit('hub'),
      port: 0,
      tell: () => undefined,
      signal: new AbortController().signal,
    });
    await expect(second).rejects.toMatchObject({ code: 'NF_PATH_BUSY' });
  });

  it('on one port is told who has it', async () => {
    const { serve } = await import('../../../src/runtime/deployment/server/serve.ts');
    const copy = join(root, 'hub-copy');
    await cp(federation.kits.kit('hub'), copy, {
      recursive: true,
      filter: (path) => !path.includes('/state'),
    });
    const second = serve({ kitDir: copy, tell: () => undefined, signal: new AbortController().signal });
    await expect(second).rejects.toMatchObject({
      code: 'NF_PORT_TAKEN',
      message: expect.stringContaining(`(process ${process.pid})`),
    });
  });
});
