import { basename } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { contentAbsent, pointerOf } from '../content/absent.ts';

/** One row of a table of BIDS. */
export interface TableRow {
  /** First cell, such as `sub-01`. */
  readonly id: string;
  /** 1-based line of the table. */
  readonly line: number;
  /** Cells by column name; `n/a` cells are left out. A map, because columns may have any name, even `__proto__`. */
  readonly values: ReadonlyMap<string, string>;
}

export interface Table {
  readonly columns: readonly string[];
  /** In the order of the file. */
  readonly rows: readonly TableRow[];
}

/** How a table's first column is called, and what stands in it. */
export interface TableForm {
  readonly idColumn: string;
  readonly id: RegExp;
  /** `a participant id (sub- and letters or digits)`. */
  readonly idRule: string;
}

/** BIDS 1.11, "Entities": a label is made of letters, digits and plus signs. */
export const PARTICIPANT_TABLE: TableForm = {
  idColumn: 'participant_id',
  id: /^sub-[0-9A-Za-z+]+$/,
  idRule: 'a participant id (sub- and letters or digits)',
};
export const SESSION_TABLE: TableForm = {
  idColumn: 'session_id',
  id: /^ses-[0-9A-Za-z+]+$/,
  idRule: 'a session id (ses- and letters or digits)',
};

/** A table of tab-separated cells (BIDS 1.11, "Tabular files"). @throws NF_BIDS_PARTICIPANTS with the line, for a table that is not whole */
export function parseTable(bytes: Uint8Array, file: string, form: TableForm): Table {
  const pointer = pointerOf(bytes);
  if (pointer) throw contentAbsent(pointer, file);
  const lines = decode(bytes, file).split(/\r\n|\n/);
  while (lines.at(-1) === '') lines.pop();
  const columns = (lines[0] ?? '').split('\t');
  checkHeader(columns, file, form);
  const rows = lines.slice(1).map((text, index) => parseRow(text, { line: index + 2, columns, file, form }));
  if (rows.length === 0) throw badTable('it has no rows', file, 1);
  return { columns, rows };
}

export function badTable(detail: string, file: string, line: number) {
  return flError('NF_BIDS_PARTICIPANTS', { table: basename(file), detail }, { place: { file, line } });
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    // The decoder drops a UTF-8 byte order mark and refuses UTF-16 and stray bytes.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const params = { table: basename(file), detail: 'it is not UTF-8 text' };
    throw flError('NF_BIDS_PARTICIPANTS', params, { place: { file }, cause });
  }
}

function checkHeader(columns: readonly string[], file: string, { idColumn }: TableForm): void {
  if (columns[0] !== idColumn) throw badTable(`the first column is not '${idColumn}'`, file, 1);
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined) throw badTable(`the column '${twice}' is there twice`, file, 1);
}

function parseRow(
  text: string,
  at: { line: number; columns: readonly string[]; file: string; form: TableForm },
): TableRow {
  const { line, columns, file, form } = at;
  const cells = text.split('\t');
  if (cells.length !== columns.length) {
    throw badTable(`line ${line} has ${cells.length} cells, the header has ${columns.length}`, file, line);
  }
  const id = cells[0] ?? '';
  if (!form.id.test(id)) throw badTable(`'${id}' is not ${form.idRule}`, file, line);
  const known = columns
    .map((name, index) => [name, cells[index] ?? ''] as const)
    .filter(([, cell]) => cell !== 'n/a' && cell !== '');
  return { id, line, values: new Map(known) };
}
