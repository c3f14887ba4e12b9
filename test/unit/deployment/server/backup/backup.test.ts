import { randomUUID } from 'node:crypto';
import { appendFile, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import { backupServer } from '../../../../../src/runtime/deployment/server/backup/backup.ts';
import { restoreServer } from '../../../../../src/runtime/deployment/server/backup/restore.ts';
import { blobFile } from '../../../../../src/runtime/deployment/server/jobs/job-files.ts';
import { stateFolder } from '../../../../../src/runtime/deployment/server/state-folder.ts';
import type { JobRecord } from '../../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import { readBundle, writeBundle } from '../../../../../src/runtime/job/bundle.ts';
import type { RunEvent } from '../../../../../src/runtime/run/events.ts';
import { openKit } from '../../../../../src/runtime/security/kit/open.ts';
import { logKey } from '../../../../../src/runtime/security/log-key.ts';
import {
  type LogKey,
  openChainedLog,
  verifyChainedLog,
} from '../../../../../src/runtime/security/logs/chained-log.ts';
import { makeFederation } from '../../../../support/federation-kits.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { jobRecord } from '../../../../support/job-records.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;
let base = '';
let key: LogKey;
let source = '';
const at = (...parts: string[]) => join(base, ...parts);

beforeAll(async () => {
  key = logKey(await openKit((await makeFederation(join(root, 'kits'))).kit('hub'), 'server'));
  source = await writeJob(join(root, 'job'), {
    files: { 'backup.json': '{}', 'data/state.db-wal': 'x', 'notes.tmp': 'x', 'blobs/a.txt': 'x' },
  });
});

beforeEach(async () => {
  base = join(root, String(count++));
  await mkdir(at('state'), { recursive: true });
});

/** Paths that other users of the machine may look into. */
async function openToOthers(folder: string): Promise<string[]> {
  const paths = ['', ...(await readdir(folder, { recursive: true }))];
  const modes = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).mode));
  return paths.filter((_, index) => ((modes[index] ?? 0) & 0o077) !== 0);
}

async function put(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return sha256(text);
}

/** A job with its folder, its blobs by their texts, and its events. */
async function addJob(
  over: Partial<JobRecord>,
  blobs: readonly string[],
  events: readonly RunEvent[],
): Promise<string> {
  const state = stateFolder(at('state'));
  const store = await openSqliteStore(state.database);
  const record = jobRecord({ id: randomUUID(), ...over });
  await store.addJob(record);
  for (const event of events) await store.journal(record.id).append(event);
  await store.decide(record.id, { site: 'site-1', answer: 'accepted', time: record.submitted });
  await store.close();
  const folder = state.job(record.id);
  await writeBundle(await readBundle(source), folder.at('bundle'));
  await put(folder.at('bundle.json'), '{"files":[]}');
  await put(folder.at('sites/site-1/log.jsonl'), '{}\n');
  await put(folder.at('uploads/site-1/x.part'), 'half');
  await put(folder.at('run.json.99-0a1b2c3d.tmp'), 'half');
  for (const text of blobs) await put(folder.blobs.at(sha256(text)), text);
  return record.id;
}

async function writeAudit(entries: number): Promise<void> {
  const log = await openChainedLog<{ n: number }>(at('state/audit.jsonl'), key);
  for (let n = 0; n < entries; n++) await log.append({ n });
  await log.close();
}

const ref = (text: string) => blobFile(sha256(text));
const accepted = (site: string, text: string): RunEvent => ({
  type: 'result.accepted',
  task: `train/2/${site}`,
  result: { site, files: { model: ref(text) }, paramsType: 'FULL', numExamples: 1, metrics: {}, seconds: 1 },
});
/** In its second round, with one answer. */
const RUNNING: readonly RunEvent[] = [
  { type: 'model.initial', model: ref('m0') },
  { type: 'round.opened', round: 1, name: 'train', sites: ['a'], inputs: { model: ref('m0') } },
  { type: 'round.closed', round: 1, kind: 'train', metrics: { accuracy: 0.5 }, model: ref('m1') },
  { type: 'round.opened', round: 2, name: 'train', sites: ['a', 'b'], inputs: { model: ref('m1') } },
  accepted('a', 'update a'),
];
const running = () => addJob({ status: 'RUNNING' }, ['m0', 'm1', 'update a', 'nobody needs it'], RUNNING);
const files = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
const backup = () => backupServer(at('state'), at('backup'));
const restore = () => restoreServer(at('backup'), at('restored'));

describe('a backup', () => {
  it('of a server without jobs has its database and audit log', async () => {
    await (await openSqliteStore(at('state/state.db'))).close();
    await writeAudit(2);
    expect(await backup()).toMatchObject({ folder: at('backup'), jobs: 0, files: 3 });
    expect(await files(at('backup'))).toEqual(['audit.jsonl', 'audit.jsonl.head', 'backup.json', 'state.db']);
  });

  it('of a job under way has what it needs to go on, and no more', async () => {
    const id = await running();
    expect(await backup()).toMatchObject({ jobs: 1 });
    const copied = (await files(at('backup/jobs', id))).filter((path) => !path.startsWith('bundle/'));
    expect(copied).toEqual(
      [
        ...['m0', 'm1', 'update a'].map((text) => ref(text).path),
        'bundle.json',
        'sites/site-1/log.jsonl',
      ].sort(),
    );
    expect(await files(at('backup/jobs', id, 'bundle'))).toEqual(await files(join(root, 'job')));
  });

  it('of a submitted job has the model that came with it', async () => {
    const initialModel = { sha256: sha256('given'), size: 5 };
    const id = await addJob({ initialModel }, ['given'], []);
    await backup();
    expect(await files(at('backup/jobs', id, 'blobs'))).toEqual([sha256('given')]);
  });

  it('of a finished job has its results and none of its work files', async () => {
    const id = await addJob({ status: 'FINISHED:COMPLETED' }, ['m0'], RUNNING);
    await put(at('state/jobs', id, 'model.safetensors'), 'model');
    await backup();
    const copied = await files(at('backup/jobs', id));
    expect(copied).toContain('model.safetensors');
    expect(copied.filter((path) => path.startsWith('blobs/') || path.startsWith('uploads/'))).toEqual([]);
  });

  it('is the same when it is restored, with all jobs, events and decisions', async () => {
    const ids = [await running(), await addJob({ status: 'FINISHED:ABORTED' }, [], [])];
    await writeAudit(3);
    const made = await backup();
    const { files: restored, folder } = await restore();
    expect([restored, folder]).toEqual([made.files, at('restored')]);
    const [before, after] = [
      await openSqliteStore(at('state/state.db')),
      await openSqliteStore(at('restored/state.db')),
    ];
    expect(await after.jobs()).toEqual(await before.jobs());
    for (const id of ids) {
      expect(await after.events(id, 0, 99)).toEqual(await before.events(id, 0, 99));
      expect(await after.decisions(id)).toEqual(await before.decisions(id));
      const bundle = await readBundle(at('restored/jobs', id, 'bundle'));
      expect(bundle.sha256).toBe((await readBundle(source)).sha256);
    }
    await Promise.all([before.close(), after.close()]);
    expect((await verifyChainedLog(at('restored/audit.jsonl'), key.isSigned)).findings).toEqual([]);
    const log = await openChainedLog(at('restored/audit.jsonl'), key);
    await log.close();
  });

  it.skipIf(process.platform === 'win32')(
    'is nothing for other users of the machine, nor is what is restored of it',
    async () => {
      process.umask(0o022);
      await running();
      await backup();
      await restore();
      expect(await openToOthers(at('backup'))).toEqual([]);
      expect(await openToOthers(at('restored'))).toEqual([]);
    },
  );

  it('is made while the server writes', async () => {
    const id = await running();
    const store = await openSqliteStore(at('state/state.db'));
    const log = await openChainedLog<{ n: number }>(at('state/audit.jsonl'), key);
    await log.append({ n: 0 });
    let isMade = false;
    const writing = (async () => {
      for (let n = 1; !isMade; n++) {
        await store.journal(id).append({ type: 'task.started', task: 'train/2/b' });
        await log.append({ n });
        await appendFile(at('state/jobs', id, 'sites/site-1/log.jsonl'), '{}\n');
      }
    })();
    await backup().finally(() => {
      isMade = true;
    });
    await writing;
    await Promise.all([store.close(), log.close()]);
    await restore();
    const copy = await openSqliteStore(at('restored/state.db'));
    const seqs = (await copy.events(id, 0, 100_000)).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    await copy.close();
    const { findings } = await verifyChainedLog(at('restored/audit.jsonl'), key.isSigned);
    expect(findings).toEqual([]);
  });

  it('does not take the place of what is there', async () => {
    await running();
    await mkdir(at('backup'));
    await expect(backup()).rejects.toMatchObject({ code: 'NF_BACKUP_EXISTS', exitCode: 4 });
    await rm(at('backup'), { recursive: true });
    await writeFile(at('backup'), 'x');
    await expect(backup()).rejects.toMatchObject({ code: 'NF_BACKUP_EXISTS' });
    expect(await readFile(at('backup'), 'utf8')).toBe('x');
  });

  it('takes up after one that was cut short', async () => {
    await running();
    await put(at('backup.partial/jobs/old/x'), 'x');
    await backup();
    expect(await readdir(at('backup/jobs'))).toHaveLength(1);
    expect((await readdir(base)).sort()).toEqual(['backup', 'state']);
  });

  it('is not made of a folder without a server, and leaves it as it is', async () => {
    const none = { code: 'NF_PATH_MISSING', message: expect.stringContaining(at('state')) };
    await expect(backup()).rejects.toMatchObject(none);
    expect(await readdir(at('state'))).toEqual([]);
    await rm(at('state'), { recursive: true });
    await expect(backup()).rejects.toMatchObject(none);
    expect(await readdir(base)).toEqual([]);
  });

  it('is not made when a needed file stays away, and nothing of it is left', async () => {
    const id = await running();
    await rm(at('state/jobs', id, ref('m1').path));
    await expect(backup()).rejects.toMatchObject({ code: 'NF_BACKUP_MOVING' });
    expect(await readdir(base)).toEqual(['state']);
  });

  it('is not made when a job’s folder is gone, and nothing of it is left', async () => {
    const id = await running();
    await rm(at('state/jobs', id), { recursive: true });
    await expect(backup()).rejects.toMatchObject({ code: 'NF_BACKUP_MOVING' });
    expect(await readdir(base)).toEqual(['state']);
  });
});

describe('a restore', () => {
  let id = '';
  let made = '';

  beforeAll(async () => {
    base = join(root, 'backed-up');
    await mkdir(at('state'), { recursive: true });
    id = await running();
    await backup();
    made = base;
  });

  beforeEach(async () => {
    await cp(made, base, { recursive: true });
  });

  const manifest = async () =>
    JSON.parse(await readFile(at('backup/backup.json'), 'utf8')) as {
      files: { path: string; sha256: string; size: number }[];
    };
  const changeManifest = async (change: (one: Awaited<ReturnType<typeof manifest>>) => object) =>
    writeFile(at('backup/backup.json'), JSON.stringify(change(await manifest())));
  const broken = async (reason: string) => {
    await expect(restore()).rejects.toMatchObject({
      code: 'NF_BACKUP_BROKEN',
      exitCode: 1,
      message: expect.stringContaining(reason),
    });
    expect((await readdir(base)).sort()).toEqual(['backup', 'state']);
  };

  it.each([
    ['a changed file', () => appendFile(at('backup/jobs', id, ref('m1').path), 'x'), 'was changed'],
    ['a changed database', () => appendFile(at('backup/state.db'), 'x'), 'state.db was changed'],
    ['an empty file', () => writeFile(at('backup/jobs', id, 'bundle.json'), ''), 'was changed'],
    ['a missing file', () => rm(at('backup/jobs', id, 'bundle/client/train.ts')), 'is missing'],
    ['a missing job', () => rm(at('backup/jobs', id), { recursive: true }), 'is missing'],
    ['no list', () => rm(at('backup/backup.json')), 'backup.json is missing or cannot be read'],
    [
      'a list that is none',
      () => writeFile(at('backup/backup.json'), '{'),
      'backup.json is missing or cannot be read',
    ],
    ['a list of another kind', () => changeManifest((one) => ({ ...one, version: 2 })), 'cannot be read'],
    ['a list of nothing', () => changeManifest((one) => ({ ...one, files: [] })), 'it has no state.db'],
    [
      'a list without the database',
      () => changeManifest((one) => ({ ...one, files: one.files.filter(({ path }) => path !== 'state.db') })),
      'it has no state.db',
    ],
  ])('refuses %s, and leaves nothing', async (_, act, reason) => {
    await act();
    await broken(reason);
  });

  it.each(['../secret', '/etc/hostname', 'jobs/../../secret', '..', '.', ''])(
    'refuses a list that leads out: %j',
    async (path) => {
      await writeFile(join(base, '../secret'), 'x');
      await changeManifest((one) => ({
        ...one,
        files: [...one.files, { path, size: 1, sha256: sha256('x') }],
      }));
      await broken('lies outside it');
    },
  );

  it('refuses a folder that is none', async () => {
    await expect(restoreServer(at('nowhere'), at('restored'))).rejects.toMatchObject({
      code: 'NF_PATH_MISSING',
    });
    await mkdir(at('empty'));
    await expect(restoreServer(at('empty'), at('restored'))).rejects.toMatchObject({
      code: 'NF_BACKUP_BROKEN',
    });
  });

  it('does not take the place of a server’s state', async () => {
    await mkdir(at('restored'));
    await writeFile(at('restored/state.db'), 'x');
    await expect(restore()).rejects.toMatchObject({
      code: 'NF_BACKUP_EXISTS',
      place: { file: at('restored') },
    });
    expect(await readFile(at('restored/state.db'), 'utf8')).toBe('x');
  });

  it('takes an empty folder, one that is not there, and one whose parents are not', async () => {
    await mkdir(at('restored'));
    await restore();
    await restoreServer(at('backup'), at('deep/er/state'));
    expect(await files(at('deep/er/state'))).toEqual(await files(at('restored')));
  });

  it('takes up after one that was cut short', async () => {
    await put(at('restored.restoring/old'), 'x');
    await restore();
    expect((await files(at('restored'))).includes('old')).toBe(false);
  });

  it('works from a copy of the backup', async () => {
    await cp(at('backup'), at('elsewhere'), { recursive: true });
    await rm(at('backup'), { recursive: true });
    await restoreServer(at('elsewhere'), at('restored'));
    expect(await files(at('restored'))).toContain('state.db');
  });
});
