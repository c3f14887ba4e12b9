import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { holderOf } from '../../../../src/runtime/base/processes/port-holder.ts';
import { identifyProcess, isProcessAlive } from '../../../../src/runtime/base/processes/process-identity.ts';

const linux = process.platform === 'linux';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(code = 'setInterval(() => {}, 1000)'): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  closing.push(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return Object.assign(child, { pid: child.pid ?? 0 });
}

describe('a process', () => {
  it('is named by its number and when it started', async () => {
    const identity = await identifyProcess(process.pid);
    expect(identity).toMatch(
      linux ? new RegExp(`^${process.pid} \\d+ [0-9a-f-]{36}$`) : new RegExp(`^${process.pid} `),
    );
    expect(await identifyProcess(process.pid)).toBe(identity);
    expect(await isProcessAlive(identity)).toBe(true);
  });

  it('is there until it ends', async () => {
    const child = await start();
    const identity = await identifyProcess(child.pid);
    expect(await isProcessAlive(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isProcessAlive(identity)).toBe(false);
  });

  it.runIf(linux)('is not another one that has its number now', async () => {
    const [pid, started] = (await identifyProcess(process.pid)).split(' ');
    expect(await isProcessAlive(`${pid} ${Number(started) - 1}`)).toBe(false);
    expect(await isProcessAlive(`${pid}`)).toBe(false);
  });

  it.runIf(linux)('is not one of another start of the machine; version 0.1.0 named none', async () => {
    const [pid, started] = (await identifyProcess(process.pid)).split(' ');
    expect(await isProcessAlive(`${pid} ${started}`)).toBe(true);
    expect(await isProcessAlive(`${pid} ${started} 0b6f0b1e-5a5e-4b8e-9d9a-3d7a2f1c4e5b`)).toBe(false);
  });

  it.each(['', ' ', 'x', '0', '-1 5', '1.5 1', '4194305 1', 'NaN 1', '99999999999 1', '1e3 1'])(
    'is none by the name %j',
    async (identity) => {
      expect(await isProcessAlive(identity)).toBe(false);
    },
  );

  it.runIf(linux)('that has ended and was not collected is not there', async () => {
    // The shell's child ends when the shell has become another program, which does not ask for it.
    const parent = spawn('sh', ['-c', 'sleep 0.5 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    closing.push(() => parent.kill('SIGKILL'));
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text);
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8');
    await expect.poll(stat).toContain(') Z ');
    expect(await isProcessAlive(await identifyProcess(pid))).toBe(false);
  });

  it.runIf(linux)('may have any name', async () => {
    const child = await start(`process.title = 'a) Z 1 2 ('; setInterval(() => {}, 1000);`);
    await expect.poll(() => readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toContain('a) Z');
    const identity = await identifyProcess(child.pid);
    expect(identity).toMatch(/^\d+ \d+ [0-9a-f-]{36}$/);
    expect(await isProcessAlive(identity)).toBe(true);
  });
});

describe.runIf(linux)('who holds a port', () => {
  const listen = async (host: string): Promise<number> => {
    const server: Server = createServer();
    closing.push(() => server.close());
    await new Promise<void>((resolve) => void server.listen(0, host, resolve));
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  };

  it.each(['127.0.0.1', '0.0.0.0', '::'])('is this process, on %s', async (host) => {
    const port = await listen(host).catch(() => undefined);
    // Not every system has IPv6.
    if (port === undefined) return;
    expect(await holderOf(port)).toMatch(new RegExp(`^ by .+ \\(process ${process.pid}\\)$`));
  });

  it('is another process, by its name', async () => {
    const child = await start(
      `require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port); })`,
    );
    const [text] = (await once(child.stdout ?? process.stdin, 'data')) as [Buffer];
    expect(await holderOf(Number(text))).toBe(` by node (process ${child.pid})`);
  });

  it('is nobody on a free port, or on one that is only connected to', async () => {
    const port = await listen('127.0.0.1');
    await Promise.all(closing.splice(0).map((close) => close()));
    await expect.poll(() => holderOf(port)).toBe('');
    expect(await holderOf(0)).toBe('');
  });
});
