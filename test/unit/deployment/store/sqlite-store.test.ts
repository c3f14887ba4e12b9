import { chmod, mkdir, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ServerStore } from '../../../../src/runtime/deployment/store/server-store.ts';
import { openSqliteStore } from '../../../../src/runtime/deployment/store/sqlite/sqlite-store.ts';
import { EVENTS_VERSION, type RunEvent } from '../../../../src/runtime/run/events.ts';
import { asNobody } from '../../../support/as-nobody.ts';
import { jobRecord, numbered } from '../../../support/job-records.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let folder = '';
let path = '';
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  path = join(folder, 'state.db');
  await mkdir(folder);
});

/** A store that was filled over several pages, and closed. `padding`: characters added to each of 500 events. */
async function fill(padding = 0): Promise<void> {
  const store = await openSqliteStore(path);
  for (let index = 0; index < 20; index++) await store.addJob(jobRecord({ name: `job-${index}` }));
  const journal = store.journal('a');
  await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      journal.append({ ...numbered(index), site: 'x'.repeat(padding) } as RunEvent),
    ),
  );
  await store.close();
}

async function overwrite(position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

const refused = async (code: string, text: string) => {
  await expect(openSqliteStore(path)).rejects.toMatchObject({
    code,
    place: { file: path },
    message: expect.stringContaining(text),
  });
};

describe('a database', () => {
  it('is one file when it is closed', async () => {
    await fill();
    await expect(stat(`${path}-wal`)).rejects.toThrow('ENOENT');
    expect((await readFile(path)).subarray(0, 15).toString()).toBe('SQLite format 3');
  });

  it('waits for the disk at every commit', async () => {
    const store = await openSqliteStore(path);
    const database = new DatabaseSync(path);
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
    await store.close();
  });

  it('that is something else is refused, and not touched', async () => {
    const content = 'this is no database, and it is longer than a header would be: '.repeat(10);
    await writeFile(path, content);
    await refused('NF_STORE_DAMAGED', 'not a database');
    expect(await readFile(path, 'utf8')).toBe(content);
  });

  it('that is empty is a new one', async () => {
    await writeFile(path, '');
    const store = await openSqliteStore(path);
    expect(await store.jobs()).toEqual([]);
    await store.close();
  });

  it('with a page overwritten is refused', async () => {
    await fill();
    await overwrite(4096 * 3, new Uint8Array(4096).fill(0x5a));
    await refused('NF_STORE_DAMAGED', path);
  });

  it.each([0.25, 0.5, 0.9])('that was cut to %d of its size is refused', async (share) => {
    await fill();
    const { size } = await stat(path);
    await truncate(path, Math.floor(size * share));
    await refused('NF_STORE_DAMAGED', path);
  });

  it('of a newer version is refused with both versions, and not touched', async () => {
    await fill();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    const before = await readFile(path);
    await refused('NF_STORE_NEWER', 'has version 99');
    expect(await readFile(path)).toEqual(before);
  });

  it('has a newer version with each newer form of events, so that a server that cannot read them ends no jobs', async () => {
    await fill();
    const database = new DatabaseSync(path);
    const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
    database.close();
    // Events in another form need a further step of the database.
    expect({ version, events: EVENTS_VERSION }).toEqual({ version: 6, events: 4 });
  });

  it('whose event is damaged names the job and the event', async () => {
    await fill();
    const database = new DatabaseSync(path);
    const { job } = database.prepare('SELECT job FROM events LIMIT 1').get() ?? {};
    database.exec(`UPDATE events SET event = '{"type":"round.vanished"}' WHERE seq = 1`);
    database.close();
    const store = await openSqliteStore(path);
    await expect(store.events(String(job), 0, 10)).rejects.toMatchObject({
      code: 'NF_RUN_JOURNAL',
      message: expect.stringContaining(String(job)),
      place: { line: 1 },
    });
    await store.close();
  });

  it('is refused where it is a folder', async () => {
    await mkdir(path);
    await refused('NF_PATH_UNUSABLE', path);
  });

  it('is refused in a folder that is not there', async () => {
    path = join(folder, 'nowhere/state.db');
    await refused('NF_PATH_UNUSABLE', path);
  });

  it('that cannot be written is read, and takes no changes', async () => {
    await fill();
    await chmod(path, 0o444);
    await chmod(root, 0o755);
    await chmod(folder, 0o777);
    await asNobody(async () => {
      const store = await openSqliteStore(path);
      try {
        expect(await store.jobs()).toHaveLength(20);
        const denied = { code: 'NF_PATH_DENIED', message: expect.stringContaining(path) };
        await expect(store.addJob(jobRecord())).rejects.toMatchObject(denied);
        await expect(store.journal('a').append(numbered(1))).rejects.toMatchObject(denied);
        await expect(store.setSiteEnabled('site-1', false)).rejects.toMatchObject(denied);
      } finally {
        await store.close();
      }
    });
  });

  it('that may not be read is refused', async () => {
    await fill();
    await chmod(path, 0);
    await chmod(root, 0o755);
    await chmod(folder, 0o777);
    await asNobody(() => refused('NF_PATH_UNUSABLE', path));
  });
});

describe('a database that is damaged while it is open', () => {
  it.each<[string, (store: ServerStore) => Promise<unknown>]>([
    ['events', (store) => store.events('a', 0, 1000)],
    ['all events', (store) => Array.fromAsync(store.journal('a').read())],
  ])('says so when %s are read', async (_, read) => {
    // More than SQLite keeps in memory.
    await fill(8000);
    const store = await openSqliteStore(path);
    const { size } = await stat(path);
    for (let page = 4096; page < size; page += 4096) await overwrite(page, new Uint8Array(4096).fill(0x5a));
    await expect(read(store)).rejects.toMatchObject({ code: 'NF_STORE_DAMAGED' });
    await store.close();
  });
});
