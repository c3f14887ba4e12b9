import { cp, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../../src/runtime/deployment/server/serve.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let kitDir = '';
/** A state as a killed server leaves it: two jobs, the second in the write-ahead log alone. */
let killed = '';
/** The database and its log when there was one job. */
let older = '';
let jobs: string[] = [];
let count = 0;

beforeAll(async () => {
  const federation = new LiveFederation(await makeLiveKits(join(root, 'kits')));
  kitDir = federation.kits.kit('hub');
  await federation.startServer();
  const first = await federation.submit(await writeJob(join(root, 'first')));
  older = await copy(federation.state);
  const second = await federation.submit(await writeJob(join(root, 'second')));
  killed = await copy(federation.state);
  jobs = [first, second];
  await federation.close();
}, 120_000);

async function copy(state: string): Promise<string> {
  const target = join(root, `state-${count++}`);
  await cp(state, target, { recursive: true });
  await rm(join(target, 'server.lock'), { recursive: true, force: true });
  return target;
}

type Damage = (state: string) => Promise<unknown>;

/** Starts a server on a damaged copy; how that ends, and what it told. */
async function startOn(damage: Damage, { acceptLoss = false } = {}) {
  const stateDir = await copy(killed);
  await damage(stateDir);
  const before = await contents(stateDir);
  const stop = new AbortController();
  const said: string[] = [];
  const outcome = await serve({
    kitDir,
    stateDir,
    acceptLoss,
    tell: (line) => said.push(line),
    signal: stop.signal,
    onReady: () => stop.abort(),
  }).catch((error: { code: string }) => error.code);
  return { outcome, said, stateDir, before, after: await contents(stateDir) };
}

/** Paths and bytes, but for what a start always writes. */
async function contents(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const kept = files.filter((path) => !/(server\.lock|log\.jsonl|state\.db-shm)/.test(path));
  return new Map(
    await Promise.all(
      kept.map(async (path): Promise<[string, string]> => [path, (await readFile(path)).toString('latin1')]),
    ),
  );
}

async function flip(path: string, share = 0.5): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function zero(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(2048), 0, 2048, 0);
  await file.close();
}

const half = async (path: string) => truncate(path, Math.floor((await readFile(path)).length / 2));
const at =
  (name: string, damage: (path: string) => Promise<unknown>): Damage =>
  (state) =>
    damage(join(state, name));
const DATABASE = ['state.db', 'state.db-wal', 'state.db.facts'];

const REFUSED: [what: string, damage: Damage, code: string][] = [
  ['a byte of the write-ahead log flipped', at('state.db-wal', flip), 'NF_STORE_FACTS_LOST'],
  ['the write-ahead log cut', at('state.db-wal', half), 'NF_STORE_FACTS_LOST'],
  ['the write-ahead log removed', at('state.db-wal', rm), 'NF_STORE_FACTS_LOST'],
  ['the beginning of the write-ahead log zeroed', at('state.db-wal', zero), 'NF_STORE_FACTS_LOST'],
  [
    'the database and its log removed',
    async (state) => {
      for (const name of DATABASE.slice(0, 2)) await rm(join(state, name));
    },
    'NF_STORE_FACTS_LOST',
  ],
  [
    'an older database put back',
    async (state) => {
      for (const name of DATABASE.slice(0, 2)) await cp(join(older, name), join(state, name));
    },
    'NF_STORE_FACTS_LOST',
  ],
  [
    'an older database put back with its number',
    async (state) => {
      for (const name of DATABASE) await cp(join(older, name), join(state, name));
    },
    'NF_STORE_JOBS_LOST',
  ],
  [
    'the database removed with all that belongs to it',
    async (state) => {
      for (const name of DATABASE) await rm(join(state, name));
    },
    'NF_STORE_JOBS_LOST',
  ],
  [
    'the number of facts changed to no number',
    at('state.db.facts', (path) => writeFile(path, 'zz')),
    'NF_STORE_FACTS_UNREADABLE',
  ],
  ['the audit log cut', at('audit.jsonl', half), 'NF_AUDIT_DAMAGED'],
  [
    'the last entry of the audit log changed',
    at('audit.jsonl', (path) => flip(path, 0.99)),
    'NF_AUDIT_DAMAGED',
  ],
  ['the audit log removed', at('audit.jsonl', rm), 'NF_AUDIT_DAMAGED'],
  ['the end of the audit log damaged', at('audit.jsonl.head', flip), 'NF_AUDIT_DAMAGED'],
  ['the end of the audit log removed', at('audit.jsonl.head', rm), 'NF_AUDIT_DAMAGED'],
];

describe('a server that was killed and finds', () => {
  it.each(REFUSED)('%s does not start and changes nothing', async (_, damage, code) => {
    const { outcome, before, after } = await startOn(damage);
    expect(outcome).toBe(code);
    const changed = [...before].filter(([path, bytes]) => after.get(path) !== bytes).map(([path]) => path);
    // SQLite may fold a sound log into its database.
    expect(changed.filter((path) => !/state\.db(-wal|\.facts)?$/.test(path))).toEqual([]);
    if (code.startsWith('NF_STORE_FACTS')) expect(changed).toEqual([]);
  });

  it('nothing amiss goes on with both jobs', async () => {
    const { outcome, said, stateDir } = await startOn(async () => undefined);
    expect(outcome).toBe('shutdown');
    expect(said.filter((line) => line.includes('lost+found'))).toEqual([]);
    expect((await readdir(join(stateDir, 'jobs'))).sort()).toEqual([...jobs].sort());
  });

  it('no number of facts, as of version 0.1.0, goes on', async () => {
    expect((await startOn(at('state.db.facts', rm))).outcome).toBe('shutdown');
  });

  it('no audit log where there are jobs begins it anew and says so', async () => {
    const { outcome, said, stateDir } = await startOn(async (state) => {
      await rm(join(state, 'audit.jsonl'));
      await rm(join(state, 'audit.jsonl.head'));
    });
    expect(outcome).toBe('shutdown');
    expect(said.join()).toContain('begins anew; the database holds 2 jobs');
    expect(await readFile(join(stateDir, 'audit.jsonl'), 'utf8')).toContain('audit.begin_anew');
  });

  it('a folder of a job that it does not know keeps it in lost+found', async () => {
    const { outcome, said, stateDir } = await startOn(async (state) => {
      await mkdir(join(state, 'jobs/unknown'));
      await writeFile(join(state, 'jobs/unknown/model.safetensors'), 'weights');
      await mkdir(join(state, 'jobs/.incoming-half'));
    });
    expect(outcome).toBe('shutdown');
    expect(said.join()).toContain('unknown');
    expect(await readFile(join(stateDir, 'lost+found/unknown/model.safetensors'), 'utf8')).toBe('weights');
    expect((await readdir(join(stateDir, 'jobs'))).sort()).toEqual([...jobs].sort());
  });

  it('lost facts goes on without them if it is told to, keeps what is left, and has it in the audit log', async () => {
    const damage = at('state.db-wal', rm);
    const { outcome, stateDir, before } = await startOn(damage, { acceptLoss: true });
    expect(outcome).toBe('shutdown');
    const kept = await readdir(join(stateDir, 'lost+found'));
    for (const job of jobs) expect(kept).toContain(job);
    expect((await readFile(join(stateDir, 'lost+found/state.db'))).toString('latin1')).toBe(
      before.get(join(stateDir, 'state.db')),
    );
    expect(await readFile(join(stateDir, 'audit.jsonl'), 'utf8')).toContain('state.accept_loss');
    const stop = new AbortController();
    const again = serve({
      kitDir,
      stateDir,
      tell: () => undefined,
      signal: stop.signal,
      onReady: () => stop.abort(),
    });
    expect(await again).toBe('shutdown');
  });
});
