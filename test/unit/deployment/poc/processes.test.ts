import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { identifyProcess, isProcessAlive } from '../../../../src/runtime/base/processes/process-identity.ts';
import { freePort, isFree } from '../../../../src/runtime/deployment/poc/free-port.ts';
import {
  type PocFolder,
  pocFolder,
  pocKits,
  readCard,
  writeCard,
} from '../../../../src/runtime/deployment/poc/poc-folder.ts';
import {
  endProcesses,
  rememberProcess,
  runningProcesses,
  startDetached,
} from '../../../../src/runtime/deployment/poc/processes.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** When the first process of the machine started: its number and this make its name. */
const START_OF_FIRST = await identifyProcess(1).then((name) => name.split(' ')[1] ?? '');
const root = tempFolder();
let folder: PocFolder;
let count = 0;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = pocFolder(join(root, String(count++)));
  await mkdir(folder.root);
});

afterEach(() => {
  for (const { pid } of children.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
});

/** A process in a group of its own, that has said it is ready. */
async function start(code = ''): Promise<number> {
  const child = spawn(
    process.execPath,
    // Words of a command line of neuroflare, by which its processes are known.
    ['-e', `${code}; setInterval(() => {}, 1000); console.log('ready')`, '--', '/x/bin/run.js', 'server'],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}
const IGNORES = `process.on('SIGTERM', () => {})`;

describe('a free port', () => {
  it('is one that can be listened on', async () => {
    const port = await freePort('127.0.0.1');
    expect(port).toBeGreaterThan(1023);
    expect(await isFree('127.0.0.1', port)).toBe(true);
    expect(await isFree('127.0.0.1', port)).toBe(true);
  });

  it('is not free while somebody listens on it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await isFree('127.0.0.1', port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isFree('127.0.0.1', port)).toBe(true);
  });

  it('is none at an address of somebody else', async () => {
    await expect(freePort('203.0.113.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    expect(await isFree('203.0.113.1', 80)).toBe(false);
  });
});

describe('the folder of a federation on one machine', () => {
  it('is where it is told to be', () => {
    expect(pocFolder('/x').root).toBe('/x');
    const before = process.env.NEUROFLARE_POC_WORKSPACE;
    process.env.NEUROFLARE_POC_WORKSPACE = '/y';
    expect([pocFolder(undefined).root, pocFolder('/x').root]).toEqual(['/y', '/x']);
    process.env.NEUROFLARE_POC_WORKSPACE = '';
    expect(pocFolder(undefined).root).toMatch(/neuroflare.poc$/);
    if (before === undefined) delete process.env.NEUROFLARE_POC_WORKSPACE;
    else process.env.NEUROFLARE_POC_WORKSPACE = before;
  });

  it('has a card that is read as it was written', async () => {
    const card = { version: 1, config_ids: ['poc-admin'], active_before: 'mine' } as const;
    await writeCard(folder, { ...card, config_ids: ['poc-admin'] });
    expect(await readCard(folder)).toEqual(card);
  });

  it.each([undefined, '', '{', '{"version":2,"config_ids":[]}', '{"version":1,"config_ids":[],"more":1}'])(
    'is none with the card %j',
    async (text) => {
      if (text !== undefined) await writeFile(folder.card, text);
      await expect(readCard(folder)).rejects.toMatchObject({
        code: 'NF_POC_NONE',
        message: expect.stringContaining(folder.root),
      });
    },
  );

  it('has the newest kit of each participant', async () => {
    const kits = [
      'prod_00/server',
      'prod_00/site-1',
      'prod_02/site-1',
      'prod_10/site-1',
      'prod_1x/site-9',
      'state/x',
    ];
    for (const kit of kits) await mkdir(join(folder.kits, kit), { recursive: true });
    await writeFile(join(folder.kits, 'prod_00/compose.yml'), '');
    expect([...(await pocKits(folder))]).toEqual([
      ['server', join(folder.kits, 'prod_00/server')],
      ['site-1', join(folder.kits, 'prod_10/site-1')],
    ]);
    expect([...(await pocKits(pocFolder(join(root, 'nowhere'))))]).toEqual([]);
  });
});

describe('the processes of a federation on one machine', () => {
  const names = async () => Object.keys(await runningProcesses(folder)).sort();

  it('are none at first, nor in a list that is damaged', async () => {
    expect(await names()).toEqual([]);
    for (const text of ['', '{', '[]', '{"server": 1}']) {
      await writeFile(folder.processes, text);
      expect(await names()).toEqual([]);
    }
  });

  it('are those that run', async () => {
    const pid = await start();
    await rememberProcess(folder, 'server', pid);
    await rememberProcess(folder, 'site-1', await start());
    expect(await names()).toEqual(['server', 'site-1']);
    process.kill(-pid, 'SIGKILL');
    await expect.poll(names).toEqual(['site-1']);
  });

  it('are forgotten when they have ended, and not taken for others with their numbers', async () => {
    await writeFile(folder.processes, JSON.stringify({ server: `${process.pid} 1`, 'site-1': '4194305 7' }));
    expect(await names()).toEqual([]);
    await rememberProcess(folder, 'site-2', await start());
    expect(Object.keys(JSON.parse(await readFile(folder.processes, 'utf8')) as object)).toEqual(['site-2']);
  });

  it('end when they are asked to, those that are meant', async () => {
    await rememberProcess(folder, 'server', await start());
    await rememberProcess(folder, 'site-1', await start());
    expect(await endProcesses(folder, ['site-1', 'site-9'])).toEqual(['site-1']);
    expect(await names()).toEqual(['server']);
    expect(await endProcesses(folder, [])).toEqual([]);
    expect(await endProcesses(folder, ['server'])).toEqual(['server']);
    expect(await names()).toEqual([]);
  });

  it('end with all that they have started', async () => {
    const path = join(folder.root, 'pid');
    const pid = await start(
      `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      require('fs').writeFileSync(${JSON.stringify(path)}, String(child.pid))`,
    );
    const started = await identifyProcess(Number(await readFile(path, 'utf8')));
    expect(await isProcessAlive(started)).toBe(true);
    await rememberProcess(folder, 'server', pid);
    await endProcesses(folder, ['server']);
    await expect.poll(() => isProcessAlive(started)).toBe(false);
  });

  it.each([`1 ${START_OF_FIRST}`, '-1 5', '0 0'])(
    'are not the processes of the system, whatever the list says: %s',
    async (identity) => {
      const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
      try {
        await writeFile(folder.processes, JSON.stringify({ server: identity }));
        expect(await names()).toEqual([]);
        expect(await endProcesses(folder, ['server'])).toEqual([]);
        expect(kill.mock.calls.filter(([, signal]) => signal !== 0)).toEqual([]);
      } finally {
        kill.mockRestore();
      }
    },
  );

  it('do not harm others that have their number now', async () => {
    const pid = await start(IGNORES);
    await writeFile(folder.processes, JSON.stringify({ server: `${pid} 1` }));
    expect(await endProcesses(folder, ['server'])).toEqual([]);
    expect(await isProcessAlive(await identifyProcess(pid))).toBe(true);
  });
});

describe('a command line that is started on its own', () => {
  it('says into a file what it says, and goes on behind the one before', async () => {
    const log = join(folder.root, 'logs/one.log');
    for (const words of [['--version'], ['no-such-command']]) {
      const child = startDetached(words, { log });
      children.push(child);
      await once(child, 'exit');
    }
    const text = await readFile(log, 'utf8');
    expect(text).toMatch(/^neuroflare\/\d/);
    expect(text).toContain('no-such-command');
  });

  it('has the environment it is given', async () => {
    const log = join(folder.root, 'env.log');
    const child = startDetached(['config', 'list', '--json'], {
      log,
      env: { NEUROFLARE_CONFIG: join(folder.root, 'c.json') },
    });
    children.push(child);
    await once(child, 'exit');
    expect(JSON.parse(await readFile(log, 'utf8'))).toMatchObject({ status: 'ok' });
  });
});
