import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../base/digest.ts';
import { syncFolder, withPath, writeAtomic } from '../base/files/files.ts';
import { readLines } from '../base/files/lines.ts';
import { unreadable } from '../base/files/unreadable.ts';

/** An append-only log of records of one kind; a record is durable once `append` has returned. */
export interface Journal<Event> {
  append(event: Event): Promise<void>;
  /** All records, oldest first, one at a time: a long run's log need not fit into memory. */
  read(): AsyncIterable<JournalRecord<Event>>;
  close(): Promise<void>;
}

/**
 * How records of a kind are written as JSON and read again. A reader is of one log from its beginning, for older records may only say
 * together what one says today; it throws where it is given none of them.
 */
export interface RecordForm<Event> {
  write(event: Event): unknown;
  reader(): (value: unknown) => Event;
}

/** A line of the log: when, and what. */
export interface JournalRecord<Event> {
  /** ISO 8601, UTC. For people: nothing is decided by it. */
  readonly time: string;
  readonly event: Event;
}

/**
 * Opens a JSON Lines journal for appending; a line that a crash cut short is removed first. Each line ends with a hash over it and the lines
 * before it. Lines of neuroflare 0.1.0 have none: a journal goes on behind them with hashes that cover them, too.
 */
export async function openJournal<Event>(path: string, form: RecordForm<Event>): Promise<Journal<Event>> {
  const file = await open(path, 'a+');
  let last = await resume(file).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  await syncFolder(dirname(path));
  const write = async (events: readonly Event[]) => {
    let text = '';
    for (const event of events) {
      const line = chained(
        JSON.stringify({ time: new Date().toISOString(), event: form.write(event) }),
        last,
      );
      text += `${line.text}\n`;
      last = line.hash;
    }
    try {
      await file.appendFile(text);
      await file.datasync();
    } catch (error) {
      throw withPath(error, path);
    }
  };
  const appender = new Appender(write);
  return {
    append: (event) => appender.append(event),
    read: () => readJournal(path, form),
    close: async () => {
      await appender.idle();
      await file.close();
    },
  };
}

/** Writes in order; what comes while the disk is waited for is written with the next wait. After a failure it writes nothing more. */
class Appender<Event> {
  readonly #write: (events: readonly Event[]) => Promise<void>;
  #waiting: Event[] = [];
  #written: Promise<void> = Promise.resolve();

  constructor(write: (events: readonly Event[]) => Promise<void>) {
    this.#write = write;
  }

  append(event: Event): Promise<void> {
    if (this.#waiting.push(event) > 1) return this.#written;
    this.#written = this.#written.then(() => {
      const events = this.#waiting;
      this.#waiting = [];
      return this.#write(events);
    });
    return this.#written;
  }

  async idle(): Promise<void> {
    await this.#written.catch(() => undefined);
  }
}

/**
 * The records of a journal's file, oldest first. A last line without its newline never happened; a run that was stopped
 * before its first record has no file.
 */
export async function* readJournal<Event>(
  path: string,
  form: RecordForm<Event>,
): AsyncGenerator<JournalRecord<Event>> {
  yield* new JournalReader(path, form).news();
}

/** Reads a journal that grows: each time what came since the last one. */
export class JournalReader<Event> {
  readonly #path: string;
  readonly #read: (value: unknown) => Event;
  #line = 0;
  /** Where the next line begins. */
  #offset = 0;
  #last = START;
  #isChained = false;

  constructor(path: string, form: RecordForm<Event>) {
    this.#path = path;
    this.#read = form.reader();
  }

  /** Whole lines alone: one that is being written comes next time. */
  async *news(): AsyncGenerator<JournalRecord<Event>> {
    if (!existsSync(this.#path)) return;
    for await (const { text, isWhole } of readLines(this.#path, this.#offset)) {
      if (!isWhole) return;
      this.#offset += Buffer.byteLength(text) + 1;
      yield this.#record(text);
    }
  }

  #record(text: string): JournalRecord<Event> {
    this.#line += 1;
    const { body, hash } = unchained(text);
    const follows = hash === undefined ? !this.#isChained : hash === chained(body, this.#last).hash;
    this.#isChained ||= hash !== undefined;
    this.#last = hash ?? sha256(this.#last + text);
    try {
      if (!follows) throw new Error('The line, or one before it, was changed.');
      const { time, event } = recordSchema.parse(JSON.parse(body));
      return { time, event: this.#read(event) };
    } catch (error) {
      throw unreadable(error, { path: this.#path, line: this.#line });
    }
  }
}

/** Begins a new journal with the first records of another one, as they stand there. The new file is there whole or not at all. */
export async function copyJournal(from: string, to: string, count: number): Promise<void> {
  await writeAtomic(to, async (file) => {
    let left = count;
    for await (const { text, isWhole } of readLines(from)) {
      if (left-- <= 0 || !isWhole) return;
      await file.appendFile(`${text}\n`);
    }
  });
}

const recordSchema = z.object({ time: z.string(), event: z.unknown() });

const START = '0'.repeat(64);
const HASH = /,"hash":"([0-9a-f]{64})"\}$/;

/** A line, from the JSON of its record and the hash of the line before. */
function chained(body: string, last: string): { text: string; hash: string } {
  const hash = sha256(last + body);
  return { text: `${body.slice(0, -1)},"hash":"${hash}"}`, hash };
}

/** The JSON of a line's record as it was hashed, and its hash where it has one. */
function unchained(text: string): { body: string; hash: string | undefined } {
  const hash = HASH.exec(text)?.[1];
  return hash === undefined ? { body: text, hash } : { body: `${text.replace(HASH, '')}}`, hash };
}

/** Drops a last line that is not whole, and gives what the next one is chained to. */
async function resume(file: FileHandle): Promise<string> {
  const bytes = await file.readFile();
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await file.truncate(end);
  let last = START;
  for (const line of bytes.toString('utf8', 0, end).split('\n').slice(0, -1))
    last = unchained(line).hash ?? sha256(last + line);
  return last;
}
