import { flError } from '../../../base/errors/errors.ts';
import { isFinished, type Study } from '../../../network/messages/admin.ts';
import { resumedRecord } from '../resumed-record.ts';
import type {
  DecisionRecord,
  JobChange,
  JobFilter,
  JobRecord,
  Resumption,
  ServerStore,
} from '../server-store.ts';
import { copyDatabase, type Database, named, openDatabase } from './database.ts';
import { EventLog } from './event-log.ts';
import { Facts, requireAllFacts } from './facts.ts';
import { decisionOf, RECORD_COLUMNS, recordOf } from './job-record.ts';

/**
 * The store of a server in one SQLite file.
 * @throws NF_STORE_DAMAGED, NF_STORE_FACTS_LOST, NF_STORE_FACTS_UNREADABLE, NF_STORE_NEWER, NF_DISK_FULL, NF_PATH_DENIED
 */
export async function openSqliteStore(path: string): Promise<ServerStore> {
  await requireAllFacts(path);
  return new SqliteStore(await openDatabase(path), path);
}

class SqliteStore implements ServerStore {
  readonly #database: Database;
  readonly #path: string;
  readonly #events: EventLog;
  readonly #facts: Facts;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#facts = new Facts(database);
    this.#events = new EventLog(database, { path, facts: this.#facts });
  }

  async addJob(job: JobRecord): Promise<{ job: JobRecord; isNew: boolean }> {
    return this.#facts.commit(() => {
      const known = job.token === undefined ? undefined : this.#jobOfToken(job, job.token);
      if (known && known.bundleSha256 !== job.bundleSha256) {
        throw flError('NF_SUBMIT_TOKEN_CONFLICT', { token: job.token ?? '', job: known.id });
      }
      if (known) return { job: known, isNew: false };
      this.#database
        .prepare(
          'INSERT INTO jobs (id, study, study_id, submitter, token, submitted, status, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        )
        .run(
          job.id,
          job.study,
          job.studyId ?? '',
          job.submitter.name,
          job.token ?? null,
          job.submitted,
          job.status,
          JSON.stringify(job),
        );
      return { job, isNew: true };
    });
  }

  async job(id: string): Promise<JobRecord | undefined> {
    const row = this.#query(`SELECT ${RECORD_COLUMNS} FROM jobs WHERE id = ?`, id)[0];
    return row && recordOf(row);
  }

  async jobs({ submitter, study, token, statuses }: JobFilter = {}): Promise<JobRecord[]> {
    const conditions: [sql: string, values: readonly string[]][] = [];
    if (submitter !== undefined) conditions.push(['submitter = ?', [submitter]]);
    if (study !== undefined) conditions.push(['study = ?', [study]]);
    if (token !== undefined) conditions.push(['token = ?', [token]]);
    if (statuses) conditions.push([`status IN (${statuses.map(() => '?').join()})`, statuses]);
    const where = conditions.length > 0 ? `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}` : '';
    const values = conditions.flatMap(([, given]) => given);
    const rows = this.#query(`SELECT ${RECORD_COLUMNS} FROM jobs ${where} ORDER BY submitted, id`, ...values);
    return rows.map(recordOf);
  }

  async changeJob(id: string, change: JobChange): Promise<void> {
    this.#facts.commit(() => this.#putJob({ ...this.#jobNow(id), ...change }));
    // What has ended does not live in the write-ahead log alone.
    if (change.status !== undefined && isFinished(change.status))
      named(this.#path, () => this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)'));
  }

  async resumeJob(id: string, resumption: Resumption): Promise<JobRecord> {
    return this.#facts.commit(() => {
      const job = resumedRecord(this.#jobNow(id), resumption);
      const { by, round, terms } = resumption;
      this.#putJob(job);
      this.#database.prepare('DELETE FROM decisions WHERE job = ?').run(id);
      this.#events.insert(id, { type: 'run.resumed', round, by, count: terms.resume ?? 0 });
      return job;
    });
  }

  async deleteJob(id: string): Promise<void> {
    this.#facts.commit(() => {
      for (const table of ['events', 'decisions'])
        this.#database.prepare(`DELETE FROM ${table} WHERE job = ?`).run(id);
      this.#database.prepare('DELETE FROM jobs WHERE id = ?').run(id);
      this.#database.prepare('INSERT OR IGNORE INTO deleted_jobs (id) VALUES (?)').run(id);
    });
  }

  async wasDeleted(id: string): Promise<boolean> {
    return this.#query('SELECT 1 FROM deleted_jobs WHERE id = ?', id).length > 0;
  }

  journal(job: string) {
    return this.#events.journal(job);
  }

  async events(job: string, after: number, limit: number) {
    return this.#events.after(job, after, limit);
  }

  async decide(job: string, decision: DecisionRecord): Promise<void> {
    this.#change(
      'INSERT INTO decisions (job, site, decision) VALUES (?, ?, ?) ON CONFLICT (job, site) DO UPDATE SET decision = excluded.decision',
      job,
      decision.site,
      JSON.stringify(decision),
    );
  }

  async decisions(job: string): Promise<DecisionRecord[]> {
    const rows = this.#query('SELECT job, site, decision FROM decisions WHERE job = ? ORDER BY site', job);
    return rows.map(decisionOf);
  }

  async seeSite({ name, org, time }: { name: string; org: string; time: string }): Promise<void> {
    this.#change(
      'INSERT INTO sites (name, org, last_seen) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET org = excluded.org, last_seen = excluded.last_seen',
      name,
      org,
      time,
    );
  }

  async setSiteEnabled(name: string, enabled: boolean): Promise<void> {
    this.#change(
      'INSERT INTO sites (name, org, enabled) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled',
      name,
      '',
      enabled ? 1 : 0,
    );
  }

  async sites() {
    return this.#query('SELECT name, org, enabled, last_seen FROM sites ORDER BY name').map((row) => ({
      name: String(row.name),
      org: String(row.org),
      enabled: row.enabled === 1,
      lastSeen: row.last_seen === null ? undefined : String(row.last_seen),
    }));
  }

  async putStudy(study: Study): Promise<void> {
    this.#change(
      'INSERT INTO studies (name, study) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET study = excluded.study',
      study.name,
      JSON.stringify(study),
    );
  }

  async deleteStudy(name: string): Promise<void> {
    this.#change('DELETE FROM studies WHERE name = ?', name);
  }

  async studies(): Promise<Study[]> {
    return this.#query('SELECT study FROM studies ORDER BY name').map((row) => parse<Study>(row.study));
  }

  copyTo(path: string): Promise<void> {
    return copyDatabase(this.#database, path);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  /** @throws NF_JOB_UNKNOWN */
  #jobNow(id: string): JobRecord {
    const row = this.#database.prepare(`SELECT ${RECORD_COLUMNS} FROM jobs WHERE id = ?`).get(id);
    if (!row) throw flError('NF_JOB_UNKNOWN', { job: id, nearest: '' });
    return recordOf(row);
  }

  #putJob(job: JobRecord): void {
    this.#database
      .prepare('UPDATE jobs SET status = ?, record = ? WHERE id = ?')
      .run(job.status, JSON.stringify(job), job.id);
  }

  #jobOfToken({ study, studyId = '', submitter }: JobRecord, token: string): JobRecord | undefined {
    const row = this.#database
      .prepare(
        `SELECT ${RECORD_COLUMNS} FROM jobs WHERE study = ? AND study_id = ? AND submitter = ? AND token = ?`,
      )
      .get(study, studyId, submitter.name, token);
    return row && recordOf(row);
  }

  #query(sql: string, ...values: readonly (string | number)[]) {
    return named(this.#path, () => this.#database.prepare(sql).all(...values));
  }

  #change(sql: string, ...values: readonly (string | number)[]): void {
    this.#facts.commit(() => this.#database.prepare(sql).run(...values));
  }
}

/** Text that this store wrote. */
function parse<Value>(text: unknown): Value {
  return JSON.parse(String(text)) as Value;
}
