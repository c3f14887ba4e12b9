import { existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { flError } from '../../../base/errors/errors.ts';
import { type Database, inTransaction, loadSqlite, named, type Statement } from './database.ts';

/** Digits of the number beside the database. */
const DIGITS = 16;

/**
 * Commits facts and counts them: in the database, in the same transaction, and then in a file beside it. The file is behind the database or
 * level with it, so a database that knows of fewer facts has lost some: SQLite takes a damaged write-ahead log for a short one and says nothing.
 * The file costs one small write a commit and no sync: after a power cut it may be older than the database, never newer.
 */
export class Facts {
  readonly #database: Database;
  readonly #path: string | undefined;
  readonly #count: Statement;
  #file: number | undefined;

  constructor(database: Database) {
    const location = database.location();
    this.#database = database;
    this.#path = location ? factsFile(location) : undefined;
    this.#count = database.prepare('UPDATE facts SET n = n + 1 RETURNING n');
  }

  /** All of `work`, or nothing of it; durable when it returns. */
  commit<Result>(work: () => Result): Result {
    let count = 0;
    const result = inTransaction(this.#database, () => {
      const done = work();
      count = Number(this.#count.get()?.n);
      return done;
    });
    this.#note(count);
    return result;
  }

  #note(count: number): void {
    if (this.#path === undefined) return;
    try {
      // Not truncated: a crash between truncating and writing would leave nothing to compare with.
      this.#file ??= openSync(this.#path, existsSync(this.#path) ? 'r+' : 'wx+');
      writeSync(this.#file, `${String(count).padStart(DIGITS, '0')}\n`, 0);
    } catch {
      // A full disk: the number that stands there is smaller, and holds.
    }
  }
}

export function factsFile(database: string): string {
  return `${database}.facts`;
}

/**
 * Compares a database with the number beside it, before anything is written to either: what is damaged stays as it is.
 * @throws NF_STORE_FACTS_LOST
 */
export async function requireAllFacts(path: string): Promise<void> {
  // First the number: a server that writes meanwhile makes the database newer.
  const noted = notedFacts(path);
  if (noted === undefined) return;
  const found = await countFacts(path);
  if (found >= noted) return;
  throw flError(
    'NF_STORE_FACTS_LOST',
    { path, found, noted, lost: noted - found },
    { place: { file: path } },
  );
}

/** What was lost is said to be lost: the next fact begins a new count. */
export function forgetNotedFacts(path: string): void {
  rmSync(factsFile(path), { force: true });
}

/** Undefined where there is none: of a new database, and of one of neuroflare 0.1.0. */
function notedFacts(path: string): number | undefined {
  if (path === ':memory:' || !existsSync(factsFile(path))) return undefined;
  const text = readFileSync(factsFile(path), 'latin1');
  // After a power cut the file may be there without its bytes.
  if (/^\0*$/.test(text)) return undefined;
  if (/^\d{16}\n$/.test(text)) return Number(text);
  const file = factsFile(path);
  throw flError('NF_STORE_FACTS_UNREADABLE', { path: file }, { place: { file } });
}

/** By a connection that can change nothing: opening a database for writing already tidies up its log. */
async function countFacts(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  const { DatabaseSync } = await loadSqlite();
  return named(path, () => {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    try {
      const hasFacts = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'facts'").get();
      return hasFacts ? Number(database.prepare('SELECT n FROM facts').get()?.n ?? 0) : 0;
    } finally {
      database.close();
    }
  });
}
