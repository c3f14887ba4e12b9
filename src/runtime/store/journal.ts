import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { flError } from '../kernel/errors.ts';
import { syncFolder } from '../workspace/files.ts';

/** An append-only log of records of one kind; a record is durable once `append` has returned. */
export interface Journal<Event> {
  append(event: Event): Promise<void>;
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
    close: async () => {
      await queue.catch(() => undefined);
      await file.close();
    },
  };
}

/** The records of a journal, oldest first; a last line without its newline never happened. */
export async function readJournal<Event>(path: string): Promise<JournalRecord<Event>[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return parseRecord(line) as JournalRecord<Event>;
    } catch (error) {
      throw flError('NF_RUN_JOURNAL', { path }, { place: { file: path, line: index + 1 }, cause: error });
    }
  });
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
