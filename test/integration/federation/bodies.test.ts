import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { type RequestOptions, request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../../src/runtime/base/digest.ts';
import { REQUEST_LIMITS } from '../../../src/runtime/base/limits.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits, until } from '../../support/live-federation.ts';
import { ask, say, tlsOf } from '../../support/raw-request.ts';
import { RawSite } from '../../support/raw-site.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const TOO_MANY_VALUES = `more than ${REQUEST_LIMITS.json_values.most} numbers, texts, lists and objects`;

const root = tempFolder();
let federation: LiveFederation;
let site: RawSite;
let job = '';
const LEAD = 'lea@example.org';
const BYTES = 'application/octet-stream';

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  const folder = await writeJob(join(root, 'job'), {
    patch: { workflow: { n_clients: 1, num_rounds: 1, site_timeout: 600 } },
  });
  site = await RawSite.connect(federation.kits, 'site-1');
  job = await federation.submit(folder, { clients: ['site-1'] });
  await site.accept(job);
  await site.task(job);
});
/** The lease is 10 s. */
afterEach(async () => void (await site.poll()));
afterAll(async () => {
  await site.close();
  await federation.close();
});

const SENDERS = ['a lead', 'a site'] as const;
type Sender = (typeof SENDERS)[number];

/** A file's upload by one of the two who may send one. */
async function uploadOf(sender: Sender, file: Uint8Array, headers: Record<string, string> = {}) {
  const isSite = sender === 'a site';
  const path = `${isSite ? `/v1/site/jobs/${job}` : '/v1/jobs'}/uploads/${sha256(file)}`;
  const options: RequestOptions = {
    ...(await tlsOf(federation.kits, isSite ? 'site-1' : LEAD)),
    method: 'PATCH',
    headers: {
      'neuroflare-protocol': '2',
      ...(isSite && { 'neuroflare-session': site.session }),
      'upload-length': String(file.length),
      ...headers,
    },
  };
  return { path, options };
}

const folderOf = (sender: Sender) =>
  join(federation.state, sender === 'a site' ? `jobs/${job}/uploads/site-1` : `uploads/lea%40example.org`);
const partsOf = (sender: Sender): string[] => {
  try {
    return readdirSync(folderOf(sender)).filter((name) => name.endsWith('.part'));
  } catch {
    return [];
  }
};
/** Part files that this process, in which the server runs, has open. */
const openParts = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('.part');
    } catch {
      return false;
    }
  });

describe.each(SENDERS)('an upload of %s', (sender) => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['without a body', {}, undefined],
    ['without a body, said to be JSON', { 'content-type': 'application/json' }, undefined],
    ['that is a JSON object', { 'content-type': 'application/json' }, '{}'],
    ['that is null', { 'content-type': 'application/json' }, 'null'],
    ['that is a JSON array', { 'content-type': 'application/json' }, '[1,2]'],
    ['that is a JSON string', { 'content-type': 'application/json' }, '"x"'],
    ['that is no JSON', { 'content-type': 'application/json' }, '{'],
    ['that is text', { 'content-type': 'text/plain' }, 'x'],
    ['that is a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'],
    ['of no type', {}, 'x'],
    ['of an empty type', { 'content-type': '' }, 'x'],
    ['of a broken type', { 'content-type': 'application/' }, 'x'],
    ['of a longer type', { 'content-type': `${BYTES}x` }, 'x'],
  ])('%s is refused by name, and opens nothing', async (_what, headers, body) => {
    for (let times = 0; times < 5; times++) {
      const { path, options } = await uploadOf(sender, randomBytes(50), headers);
      const answer = await ask(federation.kits, path, { ...options, body });
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        415,
        expect.objectContaining({ code: 'NF_REQUEST_TYPE', message: expect.stringContaining(BYTES) }),
      ]);
    }
    expect(partsOf(sender)).toEqual([]);
    expect(openParts()).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ['with a length of nothing', { 'content-length': '0' }],
    ['in chunks that never come', { 'transfer-encoding': 'chunked' }],
  ])('%s changes nothing', async (_what, headers) => {
    const { path, options } = await uploadOf(sender, randomBytes(50), { 'content-type': BYTES, ...headers });
    const answer = await ask(federation.kits, path, options);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { offset: 0, done: false }]);
    expect(partsOf(sender)).toEqual([]);
    expect(openParts()).toEqual([]);
  });

  it('that says its type in capitals and with a parameter is taken', async () => {
    const file = randomBytes(50);
    const type = { 'content-type': 'Application/Octet-Stream; x=1' };
    const { path, options } = await uploadOf(sender, file, type);
    const answer = await ask(federation.kits, path, { ...options, body: file.subarray(0, 20) });
    expect(JSON.parse(answer.body)).toEqual({ offset: 20, done: false });
    expect(openParts()).toEqual([]);
  });

  it('whose line breaks before a byte came leaves nothing, and after some what came', async () => {
    for (const some of [0, 30]) {
      const before = partsOf(sender);
      const file = randomBytes(100_000);
      const { path, options } = await uploadOf(sender, file, {
        'content-type': BYTES,
        'content-length': String(file.length),
      });
      const asked = secureRequest({
        host: 'localhost',
        port: federation.kits.port,
        path,
        agent: false,
        ...options,
      });
      asked.on('error', () => undefined);
      asked.flushHeaders();
      if (some > 0) asked.write(file.subarray(0, some));
      const hasCome = () => partsOf(sender).includes(`${sha256(file)}.part`);
      if (some > 0) await until(hasCome);
      else await new Promise((resolve) => setTimeout(resolve, 300));
      asked.destroy();
      const more = () => partsOf(sender).filter((name) => !before.includes(name));
      // An empty file goes after it was closed.
      await until(() => openParts().length === 0 && more().length === Math.sign(some));
      expect(more()).toEqual(some === 0 ? [] : [`${sha256(file)}.part`]);
    }
  });
});

describe('a body of JSON', () => {
  const post = async (body: string, headers: Record<string, string> = {}) => {
    const tls = await tlsOf(federation.kits, LEAD);
    const type = { 'neuroflare-protocol': '2', 'content-type': 'application/json', ...headers };
    const answer = await ask(federation.kits, '/v1/jobs/', { ...tls, method: 'POST', headers: type, body });
    return { status: answer.status, ...(JSON.parse(answer.body) as { code: string; message: string }) };
  };

  it.each([
    ['arrays', '['.repeat(50_000) + ']'.repeat(50_000)],
    ['arrays without an end', '['.repeat(50_000)],
    ['objects', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
    ['both, after a string with brackets', `{"x":"[[\\"[","a":${'[{"a":'.repeat(500)}1${'}]'.repeat(500)}}`],
  ])('nested too deeply, %s, is refused by name', async (_what, body) => {
    expect(await post(body)).toMatchObject({
      status: 400,
      code: 'NF_REQUEST_FORM',
      message: expect.stringContaining('100 deep in one another'),
    });
  });

  it.each([
    ['lists', () => `{"bundle":{"files":[${'[],'.repeat(9_900_000)}[]]}}`],
    ['objects', () => `{"bundle":{"files":[${'{},'.repeat(9_900_000)}{}]}}`],
    ['numbers', () => `[${'0,'.repeat(14_900_000)}0]`],
    ['names', () => `{${'"a":0,'.repeat(4_900_000)}"a":0}`],
  ])('of 30 MB, millions of %s, is refused before anything is made of it', async (_what, make) => {
    expect(await post(make())).toMatchObject({
      status: 400,
      code: 'NF_REQUEST_FORM',
      message: expect.stringContaining(TOO_MANY_VALUES),
    });
  });

  it('of 2 MB, a million numbers, is refused before anything is made of it, on every route', async () => {
    const tls = await tlsOf(federation.kits, 'site-1');
    const headers = {
      'neuroflare-protocol': '2',
      'neuroflare-session': site.session,
      'content-type': 'application/json',
    };
    const body = `{"metrics":[${'0,'.repeat(900_000)}0]}`;
    const path = `/v1/site/jobs/${job}/results`;
    const answer = await ask(federation.kits, path, { ...tls, method: 'POST', headers, body });
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'NF_REQUEST_FORM',
      message: expect.stringContaining(TOO_MANY_VALUES),
    });
  });

  it('of a submission that has no body at all is refused by name', async () => {
    const tls = await tlsOf(federation.kits, LEAD);
    const headers = { 'neuroflare-protocol': '2' };
    const answer = await ask(federation.kits, '/v1/jobs/', { ...tls, method: 'POST', headers });
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'NF_REQUEST_FORM']);
  });

  it.each([
    ['nothing', ''],
    ['half of one', '{"job_id":'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a prototype', '{"__proto__":{"a":1}}'],
  ])('of %s is refused by name', async (_what, body) => {
    expect(await post(body)).toMatchObject({ status: 400, code: 'NF_REQUEST_FORM' });
  });

  it('of another type is refused by name', async () => {
    expect(await post('a: 1', { 'content-type': 'application/yaml' })).toMatchObject({
      status: 415,
      code: 'NF_REQUEST_TYPE',
    });
    expect(await post('{}', { 'content-type': BYTES })).toMatchObject({
      status: 415,
      code: 'NF_REQUEST_TYPE',
      message: expect.stringContaining('application/json'),
    });
  });

  it('that is too long is refused by name', async () => {
    const tls = await tlsOf(federation.kits, LEAD);
    const headers = { 'neuroflare-protocol': '2', 'content-type': 'application/json' };
    const body = JSON.stringify({ targets: ['x'.repeat(3_000_000)] });
    const sent = ask(federation.kits, '/v1/system/shutdown', { ...tls, method: 'POST', headers, body });
    // The line is closed while the rest comes: the answer may be lost with it.
    const answer = await sent.catch(() => undefined);
    if (answer) expect([answer.status, JSON.parse(answer.body).code]).toEqual([413, 'NF_REQUEST_TOO_LARGE']);
  });

  it('that needs none may be left out', async () => {
    const tls = await tlsOf(federation.kits, 'ann@example.org');
    const headers = { 'neuroflare-protocol': '2', 'content-type': 'application/json' };
    const path = `/v1/jobs/${job}/log-level`;
    const given = { ...tls, method: 'POST', headers, body: JSON.stringify({ level: 'debug' }) };
    expect((await ask(federation.kits, path, given)).status).toBe(200);
    const bare = { ...tls, method: 'GET', headers };
    expect((await ask(federation.kits, `/v1/jobs/${job}`, bare)).status).toBe(200);
  });
});

describe('a request that HTTP or the router does not take', () => {
  const get = async (path: string, options: RequestOptions = {}) => {
    const tls = await tlsOf(federation.kits, LEAD);
    const answer = await ask(federation.kits, path, {
      ...tls,
      ...options,
      headers: { 'neuroflare-protocol': '2', ...options.headers },
    });
    return { ...answer, report: JSON.parse(answer.body) as Record<string, unknown> };
  };
  const FORM = {
    code: expect.stringMatching(/^NF_/),
    message: expect.any(String),
    hint: expect.any(String),
    exitCode: 4,
  };

  it.each([
    '/v1/jobs/%',
    '/v1/jobs/%zz',
    '/%80',
    `/v1/jobs/${'a'.repeat(101)}`,
    `/v1/jobs/${'%61'.repeat(200)}/meta`,
  ])('as the address %s has the form of all errors', async (path) => {
    const { status, report } = await get(path);
    expect([400, 404, 414]).toContain(status);
    expect(report).toEqual(FORM);
  });

  it.each([
    ['GET', '/v1/system/shutdown', 'POST'],
    ['PUT', '/v1/jobs/', 'GET, POST'],
    ['PATCH', '/v1/jobs/abc', 'DELETE, GET'],
    ['OPTIONS', '/healthz', 'GET'],
    ['HEAD', '/metrics', 'GET'],
    ['DELETE', `/v1/jobs/uploads/${'0'.repeat(64)}`, 'GET, PATCH'],
    ['POST', '/v1/jobs/abc/files/a/b', 'GET'],
    ['TRACE', '/v1/studies/', 'GET, POST'],
  ])('%s of %s names the methods that are there', async (method, path, allowed) => {
    const tls = await tlsOf(federation.kits, LEAD);
    const { status, headers, body } = await ask(federation.kits, path, {
      ...tls,
      method,
      headers: { 'neuroflare-protocol': '2' },
    });
    expect([status, headers.allow]).toEqual([405, allowed]);
    if (method !== 'HEAD') expect(JSON.parse(body)).toMatchObject({ ...FORM, code: 'NF_METHOD_UNKNOWN' });
  });

  it('of an address that is not there is 404', async () => {
    expect(await get('/v2/jobs')).toMatchObject({
      status: 404,
      report: { ...FORM, code: 'NF_ROUTE_UNKNOWN' },
    });
  });

  it.each([
    ['no HTTP', 'so ein Unsinn\r\n\r\n', 400],
    ['an unknown method', 'BREW / HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    [
      'two lengths',
      'POST /v1/jobs/ HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n',
      400,
    ],
  ])('as %s has the form of all errors', async (_what, text, status) => {
    const heard = await say(federation.kits, text, await tlsOf(federation.kits, LEAD));
    const [head = '', body = ''] = heard.split('\r\n\r\n');
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(JSON.parse(body)).toEqual(FORM);
  });

  it.each([
    ['bytes=0-', 200],
    ['bytes=1-', 206],
    ['bytes=LAST-', 206],
    ['bytes=SIZE-', 416],
    ['bytes=9999999999999999999999-', 416],
  ])('asks for %s of a file: %d', async (given, status) => {
    const path = `/v1/jobs/${job}/bundle`;
    const options = await tlsOf(federation.kits, 'ann@example.org');
    const whole = await ask(federation.kits, path, { ...options, headers: { 'neuroflare-protocol': '2' } });
    const size = Buffer.byteLength(whole.body);
    const range = given.replace('LAST', String(size - 1)).replace('SIZE', String(size));
    const part = await ask(federation.kits, path, {
      ...options,
      headers: { 'neuroflare-protocol': '2', range },
    });
    expect(part.status).toBe(status);
    const start = Number(/\d+/.exec(range)?.[0]);
    if (status === 206) expect(part.headers['content-range']).toBe(`bytes ${start}-${size - 1}/${size}`);
    if (status === 206) expect(part.body).toBe(whole.body.slice(start));
    if (status === 416) expect(part.headers['content-range']).toBe(`bytes */${size}`);
    if (status === 416) expect(JSON.parse(part.body)).toMatchObject({ code: 'NF_REQUEST_RANGE' });
  });
});

describe('after all of it', () => {
  it('the job goes on', async () => {
    const admin = await federation.admin();
    expect((await admin.job(job)).status).toBe('RUNNING');
    const wrong = admin.connection.send({ method: 'GET', path: '/v1/jobs/zz', answer: z.unknown() });
    await expect(wrong).rejects.toMatchObject({ code: 'NF_JOB_UNKNOWN' });
  });
});
