import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ownProcess, signalGroup, signalOwn } from '../../../../src/runtime/base/processes/own-process.ts';
import { identifyProcess } from '../../../../src/runtime/base/processes/process-identity.ts';

const OURS = { command: /[\\/]ours\.js(?:[\0\s]|$)/ };
const children: ChildProcess[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that has said it is ready. */
async function start({
  detached = true,
  name = '/x/ours.js',
} = {}): Promise<{ pid: number; identity: string }> {
  const code = `setInterval(() => {}, 1000); console.log('ready')`;
  const child = spawn(process.execPath, ['-e', code, '--', name], {
    detached,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  return { pid, identity: await identifyProcess(pid) };
}

describe('a process that a file names', () => {
  it('is ours when it runs a file of ours at the head of its own group', async () => {
    const { pid, identity } = await start();
    expect(await ownProcess(identity, OURS)).toBe(pid);
    // As version 0.1.0 named it.
    expect(await ownProcess(identity.split(' ').slice(0, 2).join(' '), OURS)).toBe(pid);
  });

  it('is not ours when it runs something else', async () => {
    const { identity } = await start({ name: '/x/yours.js' });
    expect(await ownProcess(identity, OURS)).toBeUndefined();
  });

  it("is not ours in somebody else's group", async () => {
    const { identity } = await start({ detached: false });
    expect(await ownProcess(identity, OURS)).toBeUndefined();
  });

  it("is not ours as another user's, unless that user is one of ours", async () => {
    const { pid, identity } = await start();
    const uid = process.getuid?.() ?? 0;
    vi.spyOn(process, 'getuid').mockReturnValue(uid + 1);
    expect(await ownProcess(identity, OURS)).toBeUndefined();
    expect(await ownProcess(identity, { ...OURS, users: [uid] })).toBe(pid);
  });

  it('is never one of the system, this one, or all of them', async () => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const any = { command: /(?:)/, users: [0, process.getuid?.() ?? 0] };
    const names = [
      await identifyProcess(1),
      await identifyProcess(process.pid),
      '-1 5',
      '0 0',
      '1',
      '',
      'x y',
    ];
    for (const identity of names) {
      expect(await ownProcess(identity, any)).toBeUndefined();
      expect(await signalOwn(identity, any, 'SIGKILL')).toBe(false);
    }
    for (const pid of [1, 0, -1, -7, 1.5, Number.NaN]) signalGroup(pid, 'SIGKILL');
    expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
  });

  it('ends with its group when it is ours', async () => {
    const { identity } = await start();
    const ended = once(children[0] as ChildProcess, 'exit');
    expect(await signalOwn(identity, OURS, 'SIGKILL')).toBe(true);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });
});
