import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../runtime/base/digest.ts';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';

import { contentAbsent, linkFault, pointerOf } from '../content/absent.ts';

/** One row of participants.tsv. */
export interface Participant {
  /** `sub-<letters and digits>`, safe as a folder name. */
  readonly id: string;
  /** 1-based line of the table. */
  readonly line: number;
  /** Cells by column name; `n/a` cells are left out. A map, because columns may have any name, even `__proto__`. */
  readonly values: ReadonlyMap<string, string>;
}

export interface Participants {
  readonly columns: readonly string[];
  /** In the order of the file. */
  readonly rows: readonly Participant[];
  /** Path of the table. */
  readonly file: string;
  /** SHA-256 of the file's bytes. */
  readonly sha256: string;
}

/** Columns that neuroflare itself writes and reads. */
export const COLUMN = {
  id: 'participant_id',
  diagnosis: 'diagnosis',
  group: 'group_id',
  site: 'site',
  setAside: 'set_aside',
  partition: 'partition',
} as const;

/** BIDS 1.11, "Entities": a label is made of letters, digits and plus signs. */
const PARTICIPANT_ID = /^sub-[0-9A-Za-z+]+$/;

/**
 * Reads participants.tsv of a BIDS data set.
 * @throws NF_BIDS_NO_TABLE for a data set without the file, NF_BIDS_NOT_A_DATASET for another folder; NF_BIDS_PARTICIPANTS with the line for a table that is not whole.
 */
export async function readParticipants(bidsRoot: string): Promise<Participants> {
  const file = join(bidsRoot, 'participants.tsv');
  const bytes = await readInput(file).catch(async (cause: NodeJS.ErrnoException) => {
    const fault = await linkFault(file);
    if (fault) throw fault;
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    const isFolder = (await stat(bidsRoot).catch(() => undefined))?.isDirectory();
    if (isFolder && (await isDataset(bidsRoot)))
      throw flError('NF_BIDS_NO_TABLE', { path: bidsRoot }, { place: { file: bidsRoot }, cause });
    const missing = isFolder ? 'participants.tsv' : 'the folder';
    throw flError('NF_BIDS_NOT_A_DATASET', { path: bidsRoot, missing }, { place: { file: bidsRoot }, cause });
  });
  return parseParticipants(bytes, file);
}

/** As `readParticipants`; of a data set without the table its subjects are those that have a folder, of whom nothing is known. */
export async function listParticipants(bidsRoot: string): Promise<Participants> {
  try {
    return await readParticipants(bidsRoot);
  } catch (error) {
    if (!(error instanceof NeuroflareError) || error.code !== 'NF_BIDS_NO_TABLE') throw error;
    const rows = (await listSubjects(bidsRoot)).map((id) => ({ id, line: 1, values: new Map() }));
    return { columns: [], rows, file: join(bidsRoot, 'participants.tsv'), sha256: sha256('') };
  }
}

/** Whether a folder holds a BIDS data set: it says so, or has folders of subjects. */
export async function isDataset(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some(
    (name) => name === 'dataset_description.json' || name === 'participants.tsv' || PARTICIPANT_ID.test(name),
  );
}

/** Folders of subjects, sorted; a link counts as a folder. */
export async function listSubjects(bidsRoot: string): Promise<string[]> {
  const entries = await readdir(bidsRoot, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isFile() && PARTICIPANT_ID.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** As `readParticipants`, from bytes; `file` is named in errors. */
export function parseParticipants(bytes: Uint8Array, file: string): Participants {
  const pointer = pointerOf(bytes);
  if (pointer) throw contentAbsent(pointer, file);
  const lines = decode(bytes, file).split(/\r\n|\n/);
  while (lines.at(-1) === '') lines.pop();
  const columns = (lines[0] ?? '').split('\t');
  checkHeader(columns, file);
  const seen = new Map<string, number>();
  const rows = lines.slice(1).map((text, index) => {
    const row = parseRow({ text, line: index + 2, columns, file });
    const earlier = seen.get(row.id);
    if (earlier !== undefined) throw bad(`${row.id} is already on line ${earlier}`, file, row.line);
    seen.set(row.id, row.line);
    return row;
  });
  if (rows.length === 0) throw bad('it has no rows', file, 1);
  return { columns, rows, file, sha256: sha256(bytes) };
}

/** The group that must stay together: the computed group where there is one, else the subject. */
export function groupOf(participant: Participant): string {
  return participant.values.get(COLUMN.group) ?? participant.id;
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    // The decoder drops a UTF-8 byte order mark and refuses UTF-16 and stray bytes.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw flError('NF_BIDS_PARTICIPANTS', { detail: 'it is not UTF-8 text' }, { place: { file }, cause });
  }
}

function checkHeader(columns: readonly string[], file: string): void {
  if (columns[0] !== COLUMN.id) throw bad(`the first column is not '${COLUMN.id}'`, file, 1);
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined) throw bad(`the column '${twice}' is there twice`, file, 1);
}

function parseRow(row: {
  text: string;
  line: number;
  columns: readonly string[];
  file: string;
}): Participant {
  const { text, line, columns, file } = row;
  const cells = text.split('\t');
  if (cells.length !== columns.length) {
    throw bad(`line ${line} has ${cells.length} cells, the header has ${columns.length}`, file, line);
  }
  const id = cells[0] ?? '';
  if (!PARTICIPANT_ID.test(id)) {
    throw bad(`'${id}' is not a participant id (sub- and letters or digits)`, file, line);
  }
  const known = columns
    .map((name, index) => [name, cells[index] ?? ''] as const)
    .filter(([, cell]) => cell !== 'n/a' && cell !== '');
  return { id, line, values: new Map(known) };
}

function bad(detail: string, file: string, line: number) {
  return flError('NF_BIDS_PARTICIPANTS', { detail }, { place: { file, line } });
}
