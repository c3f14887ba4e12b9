import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { toNeuroflareError } from '../../../src/runtime/base/errors/errors.ts';
import { runClient } from '../../../src/runtime/deployment/client/run-client.ts';
import { serve } from '../../../src/runtime/deployment/server/serve.ts';
import { type LiveKits, makeLiveKits } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let kits: LiveKits;
let count = 0;

beforeAll(async () => {
  kits = await makeLiveKits(join(root, 'kits'), { clients: 1 });
});

/** What this process holds: its open files in a folder, its timers and sockets, and the names of locks in the folder. */
async function held(folder: string) {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return {
    files: links.filter((path) => path.startsWith(folder)),
    locks: names.filter((name) => name.endsWith('.lock')),
    resources: process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Worker|MessagePort/.test(name))
      .length,
  };
}

const codeOf = (start: Promise<unknown>) =>
  start.then(() => 'started').catch((thrown: unknown) => toNeuroflareError(thrown).code);
const silent = { tell: () => undefined };

type Fault = (folder: string) => Promise<() => Promise<unknown>>;
const written =
  (name: string, text: string): Fault =>
  async (folder) => {
    await writeFile(join(folder, name), text);
    return () => rm(join(folder, name));
  };
const inKit =
  (kit: string, file: string, text: string): Fault =>
  async () => {
    const path = join(kits.kit(kit), file);
    const before = await readFile(path, 'utf8');
    await writeFile(path, text);
    return () => writeFile(path, before);
  };

const SERVER: [what: string, fault: Fault, code: string][] = [
  ['its log settings', inKit('hub', 'local/log-config.yml', 'level: loud'), 'NF_KIT_LOCAL'],
  ['its rights', inKit('hub', 'local/authorization.yml', 'permissions: 1'), 'NF_KIT_LOCAL'],
  ['its audit log', written('audit.jsonl', '{}\n'), 'NF_AUDIT_DAMAGED'],
  ['the folder of jobs', written('jobs', 'a file'), 'NF_PATH_UNUSABLE'],
  [
    'its port',
    async () => {
      const other = createServer();
      await new Promise<void>((go) => other.listen(kits.port, '127.0.0.1', go));
      return () => new Promise((go) => other.close(go));
    },
    'NF_PORT_TAKEN',
  ],
];

const CLIENT: [what: string, fault: Fault, code: string][] = [
  ['its log settings', inKit('site-1', 'local/log-config.yml', 'level: loud'), 'NF_KIT_LOCAL'],
  ['its list of the revoked', written('crl.pem', 'nothing'), 'NF_REVOKED_LIST'],
  ['its audit log', written('audit.jsonl', '{}\n'), 'NF_AUDIT_DAMAGED'],
  ['its ledger', written('egress.jsonl', '{}\n'), 'NF_AUDIT_DAMAGED'],
];

describe.skipIf(process.platform !== 'linux')(
  'a start that fails leaves nothing open, and the next one starts',
  () => {
    it.each(SERVER)('of a server, by %s', async (_, fault, code) => {
      const stateDir = join(root, `state-${count++}`);
      await mkdir(stateDir);
      const before = await held(stateDir);
      const mend = await fault(stateDir);
      const stop = new AbortController();
      const start = () =>
        serve({
          kitDir: kits.kit('hub'),
          stateDir,
          ...silent,
          signal: stop.signal,
          onReady: () => stop.abort(),
        });
      expect(await codeOf(start())).toBe(code);
      await mend();
      expect(await held(stateDir)).toEqual({ ...before, files: [], locks: [] });
      expect(await start()).toBe('shutdown');
      expect(await held(stateDir)).toEqual({ ...before, files: [], locks: [] });
      // Models of all sites lie there: other users of the machine see nothing of them.
      expect((await stat(stateDir)).mode & 0o077).toBe(0);
    });

    it.each(CLIENT)('of a client, by %s', async (_, fault, code) => {
      const workDir = join(root, `work-${count++}`);
      await mkdir(workDir);
      const before = await held(workDir);
      const mend = await fault(workDir);
      const stop = new AbortController();
      const engine = { choice: 'cpu', gpu: undefined, requireGpu: false } as const;
      const start = () =>
        runClient({ kitDir: kits.kit('site-1'), workDir, engine, ...silent, signal: stop.signal });
      expect(await codeOf(start())).toBe(code);
      await mend();
      expect(await held(workDir)).toEqual({ ...before, files: [], locks: [] });
      stop.abort();
      expect(await start()).toBe('shutdown');
      expect(await held(workDir)).toEqual({ ...before, files: [], locks: [] });
    });
  },
);
