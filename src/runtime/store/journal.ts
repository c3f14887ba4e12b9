import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { flError } from '../kernel/errors.ts';
import { syncFolder } from '../workspace/files.ts';
import { readLines } from './lines.ts';

/** An append-only log of records of one kind; a record is durable once `append` has returned. */
export interface Journal<Event> {
  append(event: Event): Promise<void>;
  /** All records, oldest first, one at a time: a long run's log need not fit into memory. */
  read(): AsyncIterable<JournalRecord<Event>>;
  close(): Promise<void>;
}

/** A line of the log: when, and what. */
export interface JournalRecord<Event> {
  /** ISO 8601, UTC. For people: nothing is decided by it. */
  readonly time: string;
  readonly event: Event;
}

/** Opens a JSON Lines journal for appending; a line that a crash cut short is removed first. */
export async function openJournal<Event>(path: string): Promise<Journal<Event>> {
  const file = await open(path, 'a+');
  await dropTornLine(file);
  await syncFolder(dirname(path));
  let queue: Promise<void> = Promise.resolve();
  return {
    append: (event) => {
      queue = queue.then(() => writeLine(file, { time: new Date().toISOString(), event }));
      return queue;
    },
    read: () => readJournal<Event>(path),
    close: async () => {
      await queue.catch(() => undefined);
      await file.close();
    },
  };
}

/**
 * The records of a journal's file, oldest first. A last line without its newline never happened; a run that was stopped
 * before its first record has no file.
 */
export async function* readJournal<Event>(path: string): AsyncGenerator<JournalRecord<Event>> {
  let line = 0;
  if (!existsSync(path)) return;
  for await (const { text, isWhole } of readLines(path)) {
    if (!isWhole) return;
    line += 1;
    try {
      yield parseRecord(text) as JournalRecord<Event>;
    } catch (error) {
      throw flError('NF_RUN_JOURNAL', { path }, { place: { file: path, line }, cause: error });
    }
  }
}

function parseRecord(line: string): object {
  const record: unknown = JSON.parse(line);
  if (record && typeof record === 'object' && 'event' in record) return record;
  throw new Error('The line holds no record.');
}

async function writeLine(file: FileHandle, record: JournalRecord<unknown>): Promise<void> {
  await file.appendFile(`${JSON.stringify(record)}\n`);
  await file.datasync();
}

async function dropTornLine(file: FileHandle): Promise<void> {
  const bytes = await file.readFile();
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await file.truncate(end);
}
