import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { LIMITS } from '../support/limits.ts';
import { until } from '../support/live-federation.ts';
import { ProcessFederation } from '../support/process-federation.ts';
import { finalModel } from '../support/run-files.ts';
import { simulateQuietly } from '../support/simulate-quietly.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();
/** 4 MB of parameters: enough to be under way when something happens. */
const LARGE = { model: { initial_params: { weights: { dtype: 'float32', shape: [1_000_000], data: 1 } } } };
const MEGABYTE = 1_000_000;
let count = 0;
let small: { job: string; model: Buffer };
let large: { job: string; model: Buffer };
let federation: ProcessFederation;
let proxy: TcpProxy | undefined;

const simulated = async (name: string, patch: Record<string, unknown>) => {
  const script = TINY_SCRIPT.replace('const noise =', 'flare.saveState([flare.seed()]);\n  const noise =');
  const job = await writeJob(join(root, name), { script, patch });
  const run = await simulateQuietly(job, { workspace: join(root, `${name}-work`) });
  return { job, model: finalModel(run) };
};

beforeAll(async () => {
  small = await simulated('small', {});
  large = await simulated('large', LARGE);
});
afterEach(async () => {
  await federation?.close();
  await proxy?.close();
  proxy = undefined;
});

/** Two sites, of which the first one's line is the proxy. */
const throughProxy = async () => {
  proxy = await TcpProxy.listen();
  federation = await ProcessFederation.make(join(root, String(count++)), { via: { 'site-1': proxy.port } });
  proxy.to(federation.kits.port);
  await federation.startAll(2);
  return proxy;
};
const isThat = async (id: string, { model }: { model: Buffer }) => {
  expect(await federation.wait(id, LIMITS.longJob)).toMatchObject({
    status: 'FINISHED:COMPLETED',
    first_failure: null,
  });
  expect(federation.model(id).equals(model)).toBe(true);
};
const phaseOf = async (id: string, phase: string) =>
  until(async () => (await federation.admin.job(id)).sites[0]?.phase === phase);
/** Bytes of a site's updates that the server has got, resumed or sent again. */
const received = async (id: string) => (await federation.admin.stats(id)).sites[0]?.bytes_in ?? 0;

describe('a line', () => {
  it('that is slow is waited for as long as it moves, though the job waits for nothing else long', async () => {
    const line = await throughProxy();
    line.throttle(0.25 * MEGABYTE);
    const patient = await writeJob(join(root, 'patient'), {
      patch: { ...LARGE, workflow: { site_timeout: 8, num_rounds: 1 } },
    });
    const id = await federation.submit(patient);
    const meta = await federation.wait(id, LIMITS.longJob);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
    expect(meta.seconds).toBeGreaterThan(20);
  });

  it('that breaks in the middle of an upload goes on at the byte', async () => {
    const line = await throughProxy();
    const id = await federation.submit(large.job);
    await until(async () => (await federation.admin.job(id)).sites[0]?.phase === 'running');
    line.breakAfter(2.5 * MEGABYTE);
    await until(async () => (await federation.admin.job(id)).round >= 1);
    // Some packets were on their way when it broke; the rest of what had come was not sent again.
    expect(await received(id).catch(() => 0)).toBeLessThan(4 * MEGABYTE + 4 * MEGABYTE);
    await isThat(id, large);
  });

  it('that is cut for some seconds costs nothing but these', async () => {
    const line = await throughProxy();
    const id = await federation.submit(large.job);
    await until(async () => (await federation.admin.job(id)).sites.length === 2);
    line.cut();
    await until(() => federation.output('site-1').includes('Trying again until it answers'));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    line.resume();
    await isThat(id, large);
  });

  it('that falls silent without a word is noticed by both ends', async () => {
    const line = await throughProxy();
    const slow = TINY_SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 3000));\n  const { params }`,
    );
    const id = await federation.submit(
      await writeJob(join(root, 'silent'), { script: slow, patch: { workflow: { num_rounds: 1 } } }),
    );
    await phaseOf(id, 'running');
    line.hang();
    await until(
      async () => (await federation.admin.job(id)).waiting?.what.includes('site-1 (lost since') === true,
    );
    line.resume();
    expect(await federation.wait(id, LIMITS.longJob)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: null,
    });
  });

  it('that resets every connection now and then is outlasted', async () => {
    const line = await throughProxy();
    const id = await federation.submit(large.job);
    const timer = setInterval(() => line.reset(), 700);
    try {
      await isThat(id, large);
    } finally {
      clearInterval(timer);
    }
  });
});

describe('a server', () => {
  it('that is killed in the middle of an upload goes on at the byte', async () => {
    const line = await throughProxy();
    line.throttle(3 * MEGABYTE);
    const id = await federation.submit(large.job);
    const uploads = join(federation.state, 'jobs', id, 'uploads/site-1');
    const part = () =>
      (existsSync(uploads) ? readdirSync(uploads) : []).some((name) => name.endsWith('.part'));
    await until(() => part());
    await new Promise((resolve) => setTimeout(resolve, 400));
    await federation.kill('hub');
    federation.start('hub');
    await federation.answers();
    await isThat(id, large);
  });
});

describe('a damaged file of a server', () => {
  const stopped = async (point: string) => {
    federation = await ProcessFederation.make(join(root, String(count++)));
    await federation.startAll(2, { hub: { env: { NEUROFLARE_FAULT: point } } });
    const id = await federation.submit(small.job);
    await federation.ended('hub');
    return { id, blobs: join(federation.state, 'jobs', id, 'blobs') };
  };
  const damage = (path: string) => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
  };

  it('that is an accepted update is asked for again, and said', async () => {
    const { id, blobs } = await stopped('round.aggregating');
    const { initial, updates } = await blobsOf(id);
    expect(updates).toHaveLength(2);
    expect(updates).not.toContain(initial);
    damage(join(blobs, updates[0] ?? ''));
    federation.start('hub');
    await federation.answers();
    await isThat(id, small);
    const { events } = await federation.admin.events(id, { after: 0, waitSeconds: 0 });
    expect(events.filter(({ event }) => event.type === 'result.dropped')).toMatchObject([
      { event: { task: expect.stringMatching(/^train\/1\/site-[12]$/), reason: 'its SHA-256 differs' } },
    ]);
  });

  it('that is the model ends the job with its name', async () => {
    const { id, blobs } = await stopped('round.opened:after@2');
    for (const name of readdirSync(blobs)) damage(join(blobs, name));
    federation.start('hub');
    await federation.answers();
    expect(await federation.wait(id)).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      error: { code: 'NF_RUN_FILE', message: expect.stringContaining('its SHA-256 differs') },
    });
  });

  it('that is the database is refused, with the way out', async () => {
    const { id } = await stopped('round.opened:after');
    expect(id).toMatch(/-/);
    for (const end of ['', '-wal', '-shm']) {
      const path = join(federation.state, `state.db${end}`);
      if (existsSync(path))
        writeFileSync(path, end === '' ? 'this is no database, and long enough to be sure'.repeat(100) : '');
    }
    federation.start('hub');
    expect(await federation.ended('hub')).toMatchObject({ code: 1 });
    expect(federation.output('hub')).toContain('NF_STORE_DAMAGED');
    expect(federation.output('hub')).toContain('server restore');
  });

  async function blobsOf(id: string) {
    const database = join(federation.state, 'state.db');
    const { openSqliteStore } = await import('../../src/runtime/deployment/store/sqlite/sqlite-store.ts');
    const store = await openSqliteStore(database);
    const events = (await store.events(id, 0, 100)).map(({ event }) => event);
    await store.close();
    const initial = events.flatMap((event) =>
      event.type === 'model.initial' ? [event.model.sha256] : [],
    )[0];
    const updates = events.flatMap((event) =>
      event.type === 'result.accepted' ? [event.result.files.model?.sha256 ?? ''] : [],
    );
    return { initial, updates };
  }
});

/** A server whose state lies on a disk of its own; `act` waits for a file and does something to that disk. */
const onSmallDisk = async (size: string, acts: string) => {
  federation = await ProcessFederation.make(join(root, String(count++)));
  const state = federation.state;
  const signals = join(root, `signals-${count}`);
  const steps = acts
    .replaceAll('STATE', state)
    .replace(/WAIT\/(\w+)/g, (_, name: string) => `while [ ! -e ${signals}/${name} ]; do sleep 0.05; done`);
  const within = `mkdir -p ${state} ${signals} && mount -t tmpfs -o size=${size} none ${state} || exit 99\n(${steps}) &`;
  federation.start('hub', { within });
  for (const site of ['site-1', 'site-2']) federation.start(site);
  await federation.connected(2);
  return (name: string) => writeFileSync(join(signals, name), '');
};

/** Where nobody may mount, there is no disk to fill. */
const mayMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

describe.runIf(mayMount)('a disk', () => {
  it('that is full stops nothing for good: the job waits, says so, and goes on', async () => {
    const say = await onSmallDisk(
      '40m',
      'WAIT/fill; dd if=/dev/zero of=STATE/fill bs=64k 2>/dev/null; WAIT/free; rm STATE/fill',
    );
    const slow = TINY_SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 1000));\n  const { params }`,
    );
    const id = await federation.submit(await writeJob(join(root, 'on-disk'), { script: slow, patch: LARGE }));
    await phaseOf(id, 'running');
    say('fill');
    await until(async () => {
      const waiting = (await federation.admin.job(id).catch(() => undefined))?.waiting;
      return (
        waiting?.what.includes('No space left') === true ||
        federation.output('site-1').includes('No space left')
      );
    }, 60);
    // Whoever sits at the server learns it, too, whether a request or the job itself met the disk.
    await until(() => federation.output('hub').includes('No space left'), 60);
    say('free');
    expect(await federation.wait(id, LIMITS.longJob)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: null,
    });
  });

  it('that becomes read-only stops nothing for good either', async () => {
    const say = await onSmallDisk(
      '80m',
      'WAIT/lock; mount -o remount,ro STATE; WAIT/unlock; mount -o remount,rw STATE',
    );
    const slow = TINY_SCRIPT.replace(
      'const { params }',
      `await new Promise((resolve) => setTimeout(resolve, 800));\n  const { params }`,
    );
    const id = await federation.submit(await writeJob(join(root, 'read-only'), { script: slow }));
    await phaseOf(id, 'running');
    say('lock');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    say('unlock');
    expect(await federation.wait(id, LIMITS.longJob)).toMatchObject({
      status: 'FINISHED:COMPLETED',
      first_failure: null,
    });
  });
});

const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
].find(existsSync);

describe('a clock', () => {
  it.skipIf(!FAKETIME)(
    'that jumps at the server, by an hour on and half a day back, changes nothing',
    async () => {
      federation = await ProcessFederation.make(join(root, String(count++)));
      const clock = join(root, `clock-${count}`);
      writeFileSync(clock, '+0');
      const env = {
        LD_PRELOAD: FAKETIME ?? '',
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      };
      await federation.startAll(2, { hub: { env } });
      const slow = TINY_SCRIPT.replace(
        'const { params }',
        `await new Promise((resolve) => setTimeout(resolve, 700));\n  const { params }`,
      );
      const id = await federation.submit(
        await writeJob(join(root, 'clock'), { script: slow, patch: { workflow: { num_rounds: 4 } } }),
      );
      await until(async () => (await federation.admin.job(id)).round === 1);
      writeFileSync(clock, '+3600');
      await until(async () => (await federation.admin.job(id)).round === 2);
      writeFileSync(clock, '-43200');
      expect(await federation.wait(id, LIMITS.longJob)).toMatchObject({
        status: 'FINISHED:COMPLETED',
        first_failure: null,
      });
    },
  );
});

describe('a proxy of the kind that hospitals have', () => {
  it('lets a client work through it, with a password', async () => {
    const between = await ConnectProxy.listen({ password: 'secret' });
    federation = await ProcessFederation.make(join(root, String(count++)));
    federation.start('hub');
    for (const site of ['site-1', 'site-2'])
      federation.start(site, { flags: ['--proxy', `http://site:secret@127.0.0.1:${between.port}`] });
    await federation.connected(2);
    await isThat(await federation.submit(small.job), small);
    expect(new Set(between.asked)).toEqual(new Set([`localhost:${federation.kits.port}`]));
    between.close();
  });

  it('without the password is named, and tried again', async () => {
    const between = await ConnectProxy.listen({ password: 'secret' });
    federation = await ProcessFederation.make(join(root, String(count++)));
    federation.start('hub');
    federation.start('site-1', { flags: ['--proxy', `http://127.0.0.1:${between.port}`] });
    await until(() => federation.output('site-1').includes('does not let the connection through'));
    expect(federation.output('site-1')).toContain('407');
    between.close();
  });
});
