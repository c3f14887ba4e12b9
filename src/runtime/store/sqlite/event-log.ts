import type { RunEvent } from '../../telemetry/run-events.ts';
import type { Journal } from '../journal.ts';
import type { StoredEvent } from '../server-store.ts';
import { type Database, inTransaction, type Statement } from './database.ts';

interface Waiting {
  readonly job: string;
  readonly event: RunEvent;
  readonly done: PromiseWithResolvers<void>;
}

/** Rows read at a time: a long log need not fit into memory. */
const PAGE = 200;

/**
 * The events of all jobs. Those that come in one turn of the event loop are committed together: hundreds of sites
 * that answer at once cost one wait for the disk.
 */
export class EventLog {
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #last: Statement;
  readonly #page: Statement;
  readonly #next = new Map<string, number>();
  #waiting: Waiting[] = [];

  constructor(database: Database) {
    this.#database = database;
    this.#insert = database.prepare('INSERT INTO events (job, seq, time, event) VALUES (?, ?, ?, ?)');
    this.#last = database.prepare('SELECT max(seq) AS seq FROM events WHERE job = ?');
    this.#page = database.prepare(
      'SELECT seq, time, event FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?',
    );
  }

  journal(job: string): Journal<RunEvent> {
    return {
      append: (event) => this.#append(job, event),
      read: () => this.#read(job),
      close: async () => {
        this.#next.delete(job);
      },
    };
  }

  after(job: string, seq: number, limit: number): StoredEvent[] {
    return this.#page.all(job, seq, limit).map((row) => ({
      seq: Number(row.seq),
      time: String(row.time),
      event: JSON.parse(String(row.event)) as RunEvent,
    }));
  }

  #append(job: string, event: RunEvent): Promise<void> {
    const done = Promise.withResolvers<void>();
    if (this.#waiting.push({ job, event, done }) === 1) setImmediate(() => this.#commit());
    return done.promise;
  }

  #commit(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    const time = new Date().toISOString();
    try {
      inTransaction(this.#database, () => {
        for (const { job, event } of batch)
          this.#insert.run(job, this.#number(job), time, JSON.stringify(event));
      });
      for (const { done } of batch) done.resolve();
    } catch (error) {
      // The numbers were given out for nothing.
      for (const { job } of batch) this.#next.delete(job);
      for (const { done } of batch) done.reject(error);
    }
  }

  #number(job: string): number {
    const seq = this.#next.get(job) ?? Number(this.#last.get(job)?.seq ?? 0) + 1;
    this.#next.set(job, seq + 1);
    return seq;
  }

  async *#read(job: string): AsyncGenerator<{ time: string; event: RunEvent }> {
    for (let last = 0; ; ) {
      const page = this.after(job, last, PAGE);
      yield* page;
      if (page.length < PAGE) return;
      last = page.at(-1)?.seq ?? last;
    }
  }
}
