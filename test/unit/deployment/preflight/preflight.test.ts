import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findExamples } from '../../../../src/preprocess/bids/layout.ts';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { lockFolder } from '../../../../src/runtime/base/files/lock.ts';
import { look } from '../../../../src/runtime/deployment/preflight/check.ts';
import { type PreflightOptions, preflight } from '../../../../src/runtime/deployment/preflight/preflight.ts';
import { PROTOCOL_VERSION } from '../../../../src/runtime/network/messages/protocol.ts';
import { type KitTls, openKit } from '../../../../src/runtime/security/kit/open.ts';
import { moveServer } from '../../../../src/runtime/security/move-server.ts';
import { makeFederation } from '../../../support/federation-kits.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { type RunningServer, serveTls } from '../../../support/tls-server.ts';
import { spotSlice, subjectsOf, writeTree } from '../../learning/bids-tree.ts';

const root = tempFolder();
let workspace = '';
let count = 0;
let server: RunningServer | undefined;
let taken: Server | undefined;

beforeAll(async () => {
  await makeFederation(join(root, 'made'));
});

beforeEach(async () => {
  workspace = join(root, String(count++));
  await cp(join(root, 'made'), workspace, { recursive: true });
});

afterEach(async () => {
  await server?.close();
  await new Promise<void>((resolve) => (taken?.listening ? taken.close(() => resolve()) : resolve()));
  server = undefined;
});

const kit = (name: string) => join(workspace, 'brain/prod_00', name);
const check = (name: string, over: Partial<PreflightOptions> = {}) =>
  preflight({ kitDir: kit(name), engine: 'cpu', ...over });
/** The checks by name: `ok`, or what is wrong. */
const seen = async (name: string, over: Partial<PreflightOptions> = {}) =>
  Object.fromEntries(
    (await check(name, over)).map(({ check: what, ok, detail }) => [what, ok ? 'ok' : detail]),
  );

/** All kits with the server on another port. */
async function move(port: number): Promise<void> {
  const names = ['hub', 'site-1', 'ann@example.org'];
  const kits = new Map(names.map((name) => [name, kit(name)]));
  await moveServer({ workspace, project: 'brain', port, kits });
}

/** A server that answers probes, with a clock that is off by some seconds. */
async function serve(
  secondsApart = 0,
  tls?: KitTls,
  speaks: object = { version: '9.9.9', protocol: PROTOCOL_VERSION },
): Promise<void> {
  const own = (await openKit(kit('hub'), 'server')).tls;
  server = await serveTls(tls ?? own, (_request, response) => {
    const time = new Date(Date.now() + secondsApart * 1000).toISOString();
    response.end(JSON.stringify({ status: 'ok', time, seen_as: '10.0.0.7', ...speaks }));
  });
  await move(server.port);
}

async function takenPort(): Promise<number> {
  const one = createServer();
  taken = one;
  await new Promise<void>((resolve) => void one.listen(0, '0.0.0.0', resolve));
  const address = one.address();
  return typeof address === 'object' && address ? address.port : 0;
}

describe('a check', () => {
  it('is its words, or the error with what to do', async () => {
    expect(await look('a', async () => 'fine')).toEqual({ check: 'a', ok: true, detail: 'fine', hint: null });
    const error = flError('NF_DISK_SMALL', { path: '/x', free: '0.1', least: 2 });
    const failed = await look('b', () => Promise.reject(error));
    expect(failed).toEqual({
      check: 'b',
      ok: false,
      detail: `NF_DISK_SMALL: ${error.message}`,
      hint: error.hint,
    });
    const odd = await look('c', () => Promise.reject(new Error('odd')));
    expect(odd).toMatchObject({ ok: false, detail: expect.stringContaining('odd') });
  });
});

describe('the kit of whoever it is', () => {
  it.each(['hub', 'site-1', 'ann@example.org'])(
    'of %s is looked at first, and alone if it has a fault',
    async (name) => {
      await writeFile(join(kit(name), 'startup/rootCA.pem'), 'x');
      const checks = await check(name);
      expect(checks).toHaveLength(1);
      expect(checks[0]).toMatchObject({
        check: 'startup kit',
        ok: false,
        detail: expect.stringContaining('NF_KIT_FAULTY'),
        hint: expect.stringMatching(/./),
      });
    },
  );

  it('is none where there is none', async () => {
    await expect(preflight({ kitDir: join(root, 'nowhere'), engine: 'cpu' })).rejects.toMatchObject({
      code: 'NF_KIT_NOT_FOUND',
    });
  });
});

describe('before a server starts', () => {
  it('all is well in a new kit with a free port', async () => {
    const port = await takenPort();
    await new Promise((resolve) => taken?.close(resolve));
    await move(port);
    expect(await seen('hub')).toEqual({
      'startup kit': 'ok',
      settings: 'ok',
      port: 'ok',
      'state folder': 'ok',
      database: 'ok',
      disk: 'ok',
      authority: 'ok',
    });
  });

  it("the authority's key is told where it can be read from the kit, and not where the kit lies alone", async () => {
    const authority = async (kitDir: string) =>
      (await preflight({ kitDir, engine: 'cpu' })).find(({ check: what }) => what === 'authority');
    const key = join(workspace, 'brain/state/ca.key');
    expect(await authority(kit('hub'))).toMatchObject({
      ok: true,
      detail: expect.stringContaining(key),
      hint: expect.stringContaining('alone'),
    });
    const alone = join(workspace, 'elsewhere/hub');
    await cp(kit('hub'), alone, { recursive: true });
    expect(await authority(alone)).toMatchObject({ ok: true, hint: null });
  });

  it('a taken port is told, with who has it', async () => {
    await move(await takenPort());
    expect((await seen('hub')).port).toMatch(
      process.platform === 'linux' ? `process ${process.pid}` : 'NF_PORT_TAKEN',
    );
  });

  it('a taken port is well where it is the server itself', async () => {
    await move(await takenPort());
    await mkdir(join(kit('hub'), 'state'));
    const release = await lockFolder(join(kit('hub'), 'state/server.lock'), 'x');
    const [, , port] = await check('hub');
    expect(port).toMatchObject({ check: 'port', ok: true, detail: expect.stringContaining('runs already') });
    await release();
  });

  it.each([
    ['local/resources.yml', 'max_jobs: 8', 'max_jobs: none'],
    ['local/authorization.yml', 'view: any', 'view: anyy'],
    ['local/log-config.yml', 'level: info', 'level: loud'],
  ])('a fault in %s is told with its line', async (file, from, to) => {
    const path = join(kit('hub'), file);
    await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
    expect((await seen('hub')).settings).toContain('NF_KIT_LOCAL');
  });

  it('a damaged database is told, and others are looked at still', async () => {
    await mkdir(join(kit('hub'), 'state'));
    await writeFile(
      join(kit('hub'), 'state/state.db'),
      'this is no database, whatever it looks like'.repeat(50),
    );
    expect(await seen('hub')).toMatchObject({
      database: expect.stringContaining('NF_STORE_DAMAGED'),
      disk: 'ok',
    });
  });

  it('a state folder that is a file is told', async () => {
    await writeFile(join(kit('hub'), 'state'), '');
    const found = await seen('hub');
    expect(found['state folder']).toContain('NF_PATH');
    expect(found.database).toContain('NF_PATH');
  });
});

describe('before a client starts', () => {
  it('all is well with a server, data and an engine', async () => {
    await serve();
    const classes = ['bright', 'dark'];
    const subjects = ['train', 'validation', 'test'].flatMap((partition, index) =>
      subjectsOf(classes, { count: 2, partition, first: 10 * index }),
    );
    const data = await writeTree(subjects, spotSlice);
    const checks = await check('site-1', { data });
    await rm(data, { recursive: true });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(checks.map(({ check: what }) => what)).toEqual([
      'startup kit',
      'settings',
      'site policy',
      'server',
      'clock',
      'work folder',
      'disk',
      'revocations',
      'job processes',
      'data',
      'engine',
    ]);
    expect(checks[2]).toMatchObject({ detail: 'allows no more than the default', hint: null });
    expect(checks[3]?.detail).toContain('sees this machine at 10.0.0.7');
  });

  it('what its policy allows beyond the default is told, with the file', async () => {
    const path = join(kit('site-1'), 'local/site-policy.yml');
    const text = await readFile(path, 'utf8');
    await writeFile(
      path,
      text.replace('code: approved', 'code: any').replace('isolate: true', 'isolate: false'),
    );
    expect((await check('site-1')).find(({ check: what }) => what === 'site policy')).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^allows more: code: any .*; isolate: false /),
      hint: expect.stringContaining(path),
    });
  });

  it('images that cannot be read are named: one that was cut, one that is none, one that may not be read', async () => {
    const subjects = ['train', 'validation', 'test'].flatMap((partition, index) =>
      subjectsOf(['bright', 'dark'], { count: 2, partition, first: 10 * index }),
    );
    const data = await writeTree(subjects, spotSlice);
    const images = (await Promise.all(subjects.map(({ id }) => findExamples(data, `sub-${id}`)))).flat(2);
    const [cut = '', none = '', short = '', mute = ''] = images;
    const bytes = await readFile(cut);
    await writeFile(cut, bytes.subarray(0, bytes.length - 12));
    await writeFile(none, 'this is no image');
    await writeFile(short, '');
    await chmod(mute, 0o000);
    const found = await seen('site-1', { data });
    await rm(data, { recursive: true });
    const isRoot = process.getuid?.() === 0;
    expect(found.data).toContain(
      `NF_PREFLIGHT_IMAGES: ${isRoot ? 3 : 4} of ${images.length} images cannot be read:`,
    );
    for (const path of [cut, none, short, ...(isRoot ? [] : [mute])]) expect(found.data).toContain(path);
  });

  it('a server that is not there is told, and others are looked at still', async () => {
    const port = await takenPort();
    await new Promise((resolve) => taken?.close(resolve));
    await move(port);
    const found = await seen('site-1');
    expect(found).toMatchObject({
      server: expect.stringContaining('NF_SERVER_UNREACHABLE'),
      disk: 'ok',
      engine: 'ok',
    });
    expect(found).not.toHaveProperty('clock');
  });

  it.each([120, -120])('clocks that are %d s apart are told', async (seconds) => {
    await serve(seconds);
    expect((await seen('ann@example.org')).clock).toContain(`${Math.abs(seconds)} s apart`);
  });

  it("a stranger's server is told", async () => {
    const theirs = await makeFederation(join(workspace, 'theirs'));
    await serve(0, (await openKit(theirs.kit('hub'), 'server')).tls);
    expect((await seen('ann@example.org')).server).toContain('NF_SERVER_UNTRUSTED');
  });

  it('a proxy that is not there is told', async () => {
    await serve();
    const port = await takenPort();
    await new Promise((resolve) => taken?.close(resolve));
    expect((await seen('ann@example.org', { proxy: `http://127.0.0.1:${port}` })).server).toContain('proxy');
  });

  it('a proxy of the environment is not asked for a server on this machine', async () => {
    await serve();
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
    try {
      expect((await seen('ann@example.org')).server).toBe('ok');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('data that is none is told', async () => {
    await serve();
    const found = await seen('site-1', { data: join(workspace, 'nothing') });
    expect(found.data).toMatch(/^NF_/);
  });

  it('a policy with a fault, and a work folder that is a file, are told', async () => {
    await serve();
    await writeFile(join(kit('site-1'), 'local/site-policy.yml'), 'version: 1\ncode: sometimes\n');
    await rm(join(kit('site-1'), 'work'), { recursive: true, force: true });
    await writeFile(join(kit('site-1'), 'work'), '');
    expect(await seen('site-1')).toMatchObject({
      settings: expect.stringContaining('NF_KIT_LOCAL'),
      'work folder': expect.stringContaining('NF_PATH'),
    });
  });
});
