import { flError, toNeuroflareError } from '../../../base/errors/errors.ts';

export type Database = import('node:sqlite').DatabaseSync;
export type Statement = import('node:sqlite').StatementSync;

/** One step a version; a number once released never changes. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     study TEXT NOT NULL,
     submitter TEXT NOT NULL,
     token TEXT,
     submitted TEXT NOT NULL,
     status TEXT NOT NULL,
     record TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX jobs_by_token ON jobs (study, submitter, token) WHERE token IS NOT NULL;
   CREATE INDEX jobs_by_status ON jobs (status);
   CREATE TABLE events (
     job TEXT NOT NULL,
     seq INTEGER NOT NULL,
     time TEXT NOT NULL,
     event TEXT NOT NULL,
     PRIMARY KEY (job, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE decisions (
     job TEXT NOT NULL,
     site TEXT NOT NULL,
     decision TEXT NOT NULL,
     PRIMARY KEY (job, site)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sites (
     name TEXT PRIMARY KEY,
     org TEXT NOT NULL,
     enabled INTEGER NOT NULL DEFAULT 1,
     last_seen TEXT
   ) STRICT;
   CREATE TABLE studies (name TEXT PRIMARY KEY, study TEXT NOT NULL) STRICT;`,
  `CREATE TABLE facts (n INTEGER NOT NULL) STRICT;
   INSERT INTO facts (n) VALUES (0);
   CREATE TABLE deleted_jobs (id TEXT PRIMARY KEY) STRICT;`,
  // A study has an id, and a job that of its study: jobs that are older than the study of their name belong to one that was removed.
  // Study without users was everybody's; now it is nobody's until somebody opens it.
  `UPDATE studies SET study = json_set(study, '$.id', lower(hex(randomblob(16))), '$.open', json('false'));
   UPDATE jobs SET record = json_set(record, '$.studyId', 'default') WHERE study = 'default';
   UPDATE jobs SET record = json_set(record, '$.studyId', (SELECT study ->> '$.id' FROM studies WHERE name = jobs.study))
     WHERE EXISTS (SELECT 1 FROM studies WHERE name = jobs.study AND study ->> '$.created' <= jobs.submitted);
   ALTER TABLE jobs ADD COLUMN study_id TEXT NOT NULL DEFAULT '';
   UPDATE jobs SET study_id = coalesce(record ->> '$.studyId', '');
   DROP INDEX jobs_by_token;
   CREATE UNIQUE INDEX jobs_by_token ON jobs (study, study_id, submitter, token) WHERE token IS NOT NULL;`,
  // From here on events are of version 2 (run/events.ts): a server that cannot read them must not take the jobs up and end them.
  'SELECT 1;',
  // The same of version 3.
  'SELECT 1;',
  // The same of version 4.
  'SELECT 1;',
];

/**
 * Opens or makes a database: write-ahead log, and every commit forced to disk before it returns (synchronous FULL).
 * @throws NF_STORE_DAMAGED, NF_STORE_NEWER
 */
export async function openDatabase(path: string): Promise<Database> {
  const { DatabaseSync } = await loadSqlite();
  let database: Database | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    requireSound(database, path);
    migrate(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw asStoreError(error, path);
  }
}

/** More pages than a database can have. */
const ALL_PAGES = 2 ** 31 - 1;

/**
 * A consistent copy while others write. By a connection of its own, in one step: it reads one snapshot, so that writing neither disturbs it
 * nor makes it begin again, and waits for nothing.
 */
export async function copyDatabase(database: Database, path: string): Promise<void> {
  const { DatabaseSync, backup } = await loadSqlite();
  const source = new DatabaseSync(database.location() ?? '', { readOnly: true, timeout: 5000 });
  try {
    await backup(source, path, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
}

/** All of `work`, or nothing of it. */
export function inTransaction<Result>(database: Database, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw asStoreError(error, database.location() ?? '');
  }
}

/** Runs a statement; SQLite's errors leave it as named ones. */
export function named<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw asStoreError(error, path);
  }
}

/** SQLite's errors by what they mean to the user. Codes: https://www.sqlite.org/rescode.html */
function asStoreError(error: unknown, path: string): unknown {
  const { errcode, errstr } = error as { errcode?: number; errstr?: string };
  if (errcode === undefined) return error;
  const primary = errcode & 0xff;
  const context = { place: { file: path }, cause: error };
  if (primary === 13) return flError('NF_DISK_FULL', { where: ` while writing ${path}` }, context);
  if (primary === 8) return flError('NF_PATH_DENIED', { action: 'write', path }, context);
  // The disk answers a write with an error: full, gone or broken.
  if (primary === 10) return flError('NF_STORE_DISK', { path, reason: errstr ?? 'I/O error' }, context);
  if (primary === 11 || primary === 26)
    return flError('NF_STORE_DAMAGED', { path, reason: errstr ?? 'it is damaged' }, context);
  if (primary === 14)
    return flError(
      'NF_PATH_UNUSABLE',
      { action: 'open', path, reason: 'it is no file that can be opened' },
      context,
    );
  return toNeuroflareError(error);
}

function requireSound(database: Database, path: string): void {
  const rows = database.prepare('PRAGMA quick_check(1)').all();
  const found = String(Object.values(rows[0] ?? {})[0]);
  if (found !== 'ok') throw flError('NF_STORE_DAMAGED', { path, reason: found }, { place: { file: path } });
}

function migrate(database: Database, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
  if (version > MIGRATIONS.length) {
    throw flError('NF_STORE_NEWER', { path, version, known: MIGRATIONS.length }, { place: { file: path } });
  }
  for (const [index, step] of MIGRATIONS.entries()) {
    if (index < version) continue;
    inTransaction(database, () => database.exec(`${step} PRAGMA user_version = ${index + 1};`));
  }
}

/** Node 22 calls its SQLite experimental on stderr, once a process; newer ones do not. */
export async function loadSqlite(): Promise<typeof import('node:sqlite')> {
  const tell = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite')) tell.call(process, warning, ...rest);
  };
  try {
    return await import('node:sqlite');
  } finally {
    process.emitWarning = tell;
  }
}
