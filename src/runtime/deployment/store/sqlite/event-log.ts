import { unreadable } from '../../../base/files/unreadable.ts';
import { REQUEST_LIMITS } from '../../../base/limits.ts';
import type { RunEvent } from '../../../run/events.ts';
import type { Journal } from '../../../run/journal.ts';
import { RUN_EVENTS } from '../../../run/stored-event.ts';
import type { StoredEvent } from '../server-store.ts';
import { type Database, named, type Statement } from './database.ts';
import type { Facts } from './facts.ts';

interface Waiting {
  readonly job: string;
  /** JSON */
  readonly event: string;
  readonly done: PromiseWithResolvers<void>;
}

/** Rows read at a time: a long log need not fit into memory. */
const PAGE = 200;

/**
 * The events of all jobs. Those that come in one turn of the event loop are committed together: hundreds of sites
 * that answer at once cost one wait for the disk.
 */
export class EventLog {
  readonly #path: string;
  readonly #facts: Facts;
  readonly #insert: Statement;
  readonly #page: Statement;
  #waiting: Waiting[] = [];

  constructor(database: Database, { path, facts }: { path: string; facts: Facts }) {
    this.#facts = facts;
    this.#path = path;
    // The number is looked up within the transaction: no other writer can have taken it.
    this.#insert = database.prepare(
      'INSERT INTO events (job, seq, time, event) SELECT :job, coalesce(max(seq), 0) + 1, :time, :event FROM events WHERE job = :job',
    );
    this.#page = database.prepare(
      'SELECT seq, time, event FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?',
    );
  }

  journal(job: string): Journal<RunEvent> {
    return {
      append: (event) => this.#append(job, event),
      read: () => this.#pages(job),
      close: async () => undefined,
    };
  }

  after(job: string, seq: number, limit: number): StoredEvent[] {
    return this.#part(job, { seq, limit, read: RUN_EVENTS.reader() });
  }

  /** @param read of the log, of which this part may not be the first */
  #part(
    job: string,
    { seq, limit, read }: { seq: number; limit: number; read: (value: unknown) => RunEvent },
  ): StoredEvent[] {
    const found: StoredEvent[] = [];
    let bytes = 0;
    named(this.#path, () => {
      for (const row of this.#page.iterate(job, seq, limit)) {
        const [line, text] = [Number(row.seq), String(row.event)];
        bytes += text.length;
        if (found.length > 0 && bytes > REQUEST_LIMITS.events_bytes.most) break;
        found.push({ seq: line, time: String(row.time), event: this.#read(text, { job, line, read }) });
      }
    });
    return found;
  }

  /** For a transaction of somebody else. */
  insert(job: string, event: RunEvent): void {
    this.#insert.run({ job, time: new Date().toISOString(), event: toJson(event) });
  }

  #read(
    text: string,
    { job, line, read }: { job: string; line: number; read: (value: unknown) => RunEvent },
  ): RunEvent {
    try {
      return read(JSON.parse(text));
    } catch (error) {
      throw unreadable(error, { path: `${this.#path} (job ${job})`, line });
    }
  }

  async #append(job: string, event: RunEvent): Promise<void> {
    const done = Promise.withResolvers<void>();
    if (this.#waiting.push({ job, event: toJson(event), done }) === 1) setImmediate(() => this.#commit());
    return done.promise;
  }

  #commit(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    const time = new Date().toISOString();
    try {
      this.#facts.commit(() => {
        for (const { job, event } of batch) this.#insert.run({ job, time, event });
      });
      for (const { done } of batch) done.resolve();
    } catch (error) {
      for (const { done } of batch) done.reject(error);
    }
  }

  async *#pages(job: string): AsyncGenerator<{ time: string; event: RunEvent }> {
    const read = RUN_EVENTS.reader();
    for (let last = 0; ; ) {
      const page = this.#part(job, { seq: last, limit: PAGE, read });
      yield* page;
      const seq = page.at(-1)?.seq;
      if (seq === undefined) return;
      last = seq;
    }
  }
}

function toJson(event: RunEvent): string {
  return JSON.stringify(RUN_EVENTS.write(event));
}
