import { access, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../runtime/base/digest.ts';
import { flError, NeuroflareError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { linkFault } from '../content/absent.ts';
import { requireInside } from './read-inside.ts';
import { badTable, PARTICIPANT_TABLE, parseTable, type Table, type TableRow } from './table.ts';

/** One row of participants.tsv; its id is safe as a folder name. */
export interface Participant extends TableRow {
  /** Whom it is of, where a selection names groups of its own: everybody who is one by those, or by the data set's. Else its group. */
  readonly person?: string;
}

export interface Participants extends Table {
  readonly rows: readonly Participant[];
  /** Path of the table; it need not be there. */
  readonly file: string;
  /** SHA-256 of the file's bytes; where there is none, of a table with nothing but the ids. */
  readonly sha256: string;
  /** Of what a selection made of the tables, see `readSubjects`; undefined where the labels are those of participants.tsv and nothing else was asked for. */
  readonly selectedSha256?: string | undefined;
}

/** Columns that neuroflare itself writes and reads. */
export const COLUMN = {
  id: 'participant_id',
  /** In a table of links. */
  other: 'other_id',
  diagnosis: 'diagnosis',
  group: 'group_id',
  site: 'site',
  setAside: 'set_aside',
  partition: 'partition',
} as const;

/**
 * Reads participants.tsv of a BIDS data set.
 * @throws NF_BIDS_FILE_OUTSIDE; NF_BIDS_NO_TABLE for a data set without the file, NF_BIDS_NOT_A_DATASET for another folder; NF_BIDS_PARTICIPANTS with the line for a table that is not whole.
 */
export async function readParticipants(bidsRoot: string): Promise<Participants> {
  const file = join(bidsRoot, 'participants.tsv');
  await requireInside(bidsRoot, file);
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
    const ids = await listSubjects(bidsRoot);
    const rows = ids.map((id) => ({ id, line: 1, values: new Map() }));
    return { columns: [], rows, file: join(bidsRoot, 'participants.tsv'), sha256: sha256(ids.join('\n')) };
  }
}

/** Whether a folder holds a BIDS data set: it says so, or has folders of subjects. */
export async function isDataset(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return names.some(
    (name) =>
      name === 'dataset_description.json' || name === 'participants.tsv' || PARTICIPANT_TABLE.id.test(name),
  );
}

/** For what reads subjects without their table. @throws NF_BIDS_NOT_A_DATASET */
export async function requireDescription(bidsRoot: string): Promise<void> {
  const missing = 'dataset_description.json';
  await access(join(bidsRoot, missing)).catch((cause: unknown) => {
    throw flError('NF_BIDS_NOT_A_DATASET', { path: bidsRoot, missing }, { place: { file: bidsRoot }, cause });
  });
}

/** Folders of subjects, sorted; a link counts as a folder. */
export async function listSubjects(bidsRoot: string): Promise<string[]> {
  const entries = await readdir(bidsRoot, { withFileTypes: true });
  return entries
    .filter((entry) => !entry.isFile() && PARTICIPANT_TABLE.id.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** As `readParticipants`, from bytes; `file` is named in errors. */
export function parseParticipants(bytes: Uint8Array, file: string): Participants {
  const { columns, rows } = parseTable(bytes, file, PARTICIPANT_TABLE);
  const seen = new Map<string, number>();
  for (const { id, line } of rows) {
    const earlier = seen.get(id);
    if (earlier !== undefined) throw badTable(`${id} is already on line ${earlier}`, file, line);
    seen.set(id, line);
  }
  return { columns, rows, file, sha256: sha256(bytes) };
}

/** The group that must stay together: the computed group where there is one, else the subject. */
export function groupOf(participant: Participant): string {
  return participant.values.get(COLUMN.group) ?? participant.id;
}

/** Who stands for one where people are counted: no selection of a job makes several of one. */
export function personOf(participant: Participant): string {
  return participant.person ?? groupOf(participant);
}

/** People that these are, as far as it is known: groups count as one. */
export function countPeople(participants: readonly Participant[]): number {
  return new Set(participants.map(personOf)).size;
}

/** Whether a participant has a label and is not set aside. */
export function isUsed({ values }: Participant): boolean {
  return values.has(COLUMN.diagnosis) && !values.has(COLUMN.setAside);
}
