import { readdir } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { DEFAULTS, type Selection, staysInside } from '../../runtime/base/selection/selection.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import type { Participants } from '../bids/participants.ts';
import { leadsOut, readInside } from '../bids/read-inside.ts';
import { PARTICIPANT_TABLE, parseTable, SESSION_TABLE, type Table } from '../bids/table.ts';
import { columnNamed } from './label-text.ts';

/** A value that a table gives to a participant. */
export interface LabelCell {
  readonly value: string;
  /** `01` of `ses-01`; undefined where the row is about the whole participant. */
  readonly session: string | undefined;
  readonly file: string;
  readonly line: number;
}

/** Where labels stand. */
export interface LabelColumn {
  /** As `labels` of a selection names it. */
  readonly table: string;
  readonly column: string;
  readonly cells: ReadonlyMap<string, readonly LabelCell[]>;
}

/** A table of the data set that may hold labels. */
interface LabelTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** Rows of participants; those of sessions.tsv by the folder the table lies in. */
  readonly rows: readonly (LabelRow & { readonly file: string })[];
}
interface LabelRow {
  readonly participant: string;
  readonly session: string | undefined;
  readonly line: number;
  readonly values: ReadonlyMap<string, string>;
}

export const PARTICIPANTS = 'participants.tsv';
export const SESSIONS = 'sessions.tsv';
const SESSION_COLUMN = 'session_id';
const READERS = 8;

/** Tables to look in, one after the other; each is read only when those before it lack the column. */
async function* tablesOf(root: string, participants: Participants, named: string | undefined) {
  if (named === undefined || named === PARTICIPANTS) yield participantsTable(participants);
  if (named === undefined || named === SESSIONS) yield await sessionsTable(root, participants);
  if (named === undefined) {
    const names = (await readdir(join(root, 'phenotype')).catch(() => [])).filter((name) =>
      name.endsWith('.tsv'),
    );
    for (const name of names.sort()) yield await otherTable(root, `phenotype/${name}`);
  } else if (named !== PARTICIPANTS && named !== SESSIONS) yield await otherTable(root, named);
}

/**
 * The column with the labels (or another, for groups): in the table that the selection names, else in the first of participants.tsv, the
 * sessions.tsv of the subjects and phenotype/*.tsv that has it.
 * @returns the columns there are, where none has the name
 * @throws NF_BIDS_PARTICIPANTS for a table that is not whole, NF_PATH_MISSING, NF_SELECT_TABLE_OUTSIDE
 */
export async function findColumn(
  root: string,
  participants: Participants,
  { labels, label_column: wished = DEFAULTS.label_column }: Pick<Selection, 'labels' | 'label_column'>,
): Promise<LabelColumn | { readonly known: readonly { table: string; columns: readonly string[] }[] }> {
  const known: { table: string; columns: readonly string[] }[] = [];
  for await (const table of tablesOf(root, participants, labels)) {
    const column = columnNamed(table.columns, wished);
    if (column !== undefined) return { table: table.name, column, cells: cellsOf(table, column) };
    if (table.columns.length > 0) known.push({ table: table.name, columns: table.columns });
  }
  return { known };
}

function cellsOf({ rows }: LabelTable, column: string): ReadonlyMap<string, LabelCell[]> {
  const cells = rows.flatMap(({ participant, session, file, line, values }) => {
    const value = values.get(column);
    return value === undefined ? [] : [{ participant, cell: { value, session, file, line } }];
  });
  const grouped = [...Map.groupBy(cells, ({ participant }) => participant)];
  return new Map(grouped.map(([participant, own]) => [participant, own.map(({ cell }) => cell)]));
}

function participantsTable({ columns, rows, file }: Participants): LabelTable {
  return {
    name: PARTICIPANTS,
    columns,
    rows: rows.map(({ id, line, values }) => ({ participant: id, session: undefined, line, values, file })),
  };
}

/** `sub-X/sub-X_sessions.tsv` of all participants as one table. */
async function sessionsTable(root: string, { rows }: Participants): Promise<LabelTable> {
  const tables = await mapPool(rows, { jobs: READERS }, async ({ id }) => {
    const file = join(root, id, `${id}_sessions.tsv`);
    const bytes = await readInside(root, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (!bytes) return { columns: [], rows: [] };
    const table = parseTable(bytes, file, SESSION_TABLE);
    return {
      columns: table.columns.slice(1),
      rows: table.rows.map((row) => ({
        ...row,
        participant: id,
        session: row.id.slice('ses-'.length),
        file,
      })),
    };
  });
  return {
    name: SESSIONS,
    columns: [...new Set(tables.flatMap(({ columns }) => columns))],
    rows: tables.flatMap(({ rows }) => rows),
  };
}

async function otherTable(root: string, name: string): Promise<LabelTable> {
  const file = resolve(root, name);
  // A link may lead out of the data set, and a job of others may name any table in it.
  if (staysInside(name) && (await leadsOut(root, file)))
    throw flError('NF_SELECT_TABLE_OUTSIDE', { table: name }, { place: { file } });
  const bytes = await readInput(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Table of labels', path: file }, { place: { file }, cause });
  });
  const table: Table = parseTable(bytes, file, PARTICIPANT_TABLE);
  const rows = table.rows.map(({ id, line, values }) => ({
    participant: id,
    session: values.get(SESSION_COLUMN)?.replace(/^ses-/, ''),
    line,
    values,
    file,
  }));
  return { name, columns: table.columns, rows };
}

/** A table as `labels` of a selection names it: from the data set. */
export function tableInDataset(root: string, path: string): string {
  return relative(resolve(root), resolve(path)).split(sep).join('/');
}
