import { flError } from '../../runtime/base/errors/errors.ts';
import { FOLDER_NAME } from '../../runtime/base/text/folder-name.ts';
import type { LabelMap } from './label-map.ts';
import { LABEL } from './label-map.ts';
import type { FoundColumns, Role } from './table-columns.ts';
import type { TableText } from './table-text.ts';

/** One row with what its columns say; '' is never a value. */
export interface TableRow {
  readonly line: number;
  readonly file: string;
  readonly label: string;
  readonly group: string | undefined;
  readonly site: string | undefined;
  readonly session: string | undefined;
  readonly mask: string | undefined;
}

/** What the table itself says wrong, in words that tell nothing of a patient. */
export interface RowFault {
  readonly line: number;
  readonly detail: string;
}

const EMPTY = /^(|n\/?a|nan|null|none)$/i;
/** `none` is a class of its own where tumours are told from none. */
const NO_LABEL = /^(|n\/?a|nan|null)$/i;

/** Reads the cells of each row by role. A row with a fault is not among the rows. */
export function readRows(
  table: TableText,
  columns: FoundColumns,
  labels: LabelMap | undefined,
): { rows: TableRow[]; faults: RowFault[] } {
  const faults: RowFault[] = [];
  const rows: TableRow[] = [];
  const value = (cells: readonly string[], role: Role) => {
    const at = columns[role];
    const cell = at === undefined ? '' : (cells[at] ?? '');
    return EMPTY.test(cell) && role !== 'label' ? undefined : cell;
  };
  for (const { line, cells } of table.rows) {
    const told = value(cells, 'label') ?? '';
    const label = labels ? (labels.get(told) ?? '') : told;
    const row = {
      line,
      file: value(cells, 'file') ?? '',
      label,
      group: value(cells, 'group'),
      site: value(cells, 'site'),
      session: value(cells, 'session')?.replace(/^ses-/, ''),
      mask: value(cells, 'mask'),
    };
    const details = faultsOf(row, { told, labels, columns });
    if (details.length === 0) rows.push(row);
    faults.push(...details.map((detail) => ({ line, detail })));
  }
  return { rows, faults: [...faults, ...spellings(rows), ...twoSites(rows)] };
}

const SESSION = /^[0-9A-Za-z+]{1,32}$/;

/** All of them, so that a table is corrected once. */
function faultsOf(
  row: TableRow,
  { told, labels, columns }: { told: string; labels: LabelMap | undefined; columns: FoundColumns },
): string[] {
  const session =
    'has a session that is not made of up to 32 letters and digits; a date would tell of the patient';
  return [
    row.file === '' ? 'names no file' : undefined,
    labelFault(row.label, told, labels),
    columns.group !== undefined && row.group === undefined ? 'has no patient' : undefined,
    columns.site !== undefined && row.site === undefined ? 'has no site' : undefined,
    row.site !== undefined && !FOLDER_NAME.test(row.site)
      ? `has a site that is no name (up to 64 letters, digits, dots, dashes and underscores): '${row.site}'`
      : undefined,
    row.session !== undefined && !SESSION.test(row.session) ? session : undefined,
  ].filter((detail) => detail !== undefined);
}

function labelFault(label: string, told: string, labels: LabelMap | undefined): string | undefined {
  if (NO_LABEL.test(told) && labels?.has(told) !== true) return 'has no label';
  if (labels && label === '') return `has a label, '${told}', that the label map lacks`;
  if (LABEL.test(label)) return undefined;
  return `has a label, '${told}', that is no name of a class (letters, digits, - and _, a letter first): give each a name with --label-map`;
}

/** Labels that are one but for case and marks between letters. */
function spellings(rows: readonly TableRow[]): RowFault[] {
  const first = new Map<string, TableRow>();
  return rows.flatMap((row): RowFault[] => {
    const bare = row.label.toLowerCase().replace(/[_-]/g, '');
    const earlier = first.get(bare);
    if (!earlier) first.set(bare, row);
    if (!earlier || earlier.label === row.label) return [];
    const detail = `has the label '${row.label}', line ${earlier.line} has '${earlier.label}': write them alike, or join them with --label-map`;
    return [{ line: row.line, detail }];
  });
}

/** A patient has one site, or their images would stand at two. */
function twoSites(rows: readonly TableRow[]): RowFault[] {
  const first = new Map<string, TableRow>();
  return rows.flatMap((row): RowFault[] => {
    if (row.group === undefined || row.site === undefined) return [];
    const earlier = first.get(row.group);
    if (!earlier) first.set(row.group, row);
    if (!earlier || earlier.site === row.site) return [];
    return [{ line: row.line, detail: `has the patient of line ${earlier.line} at another site` }];
  });
}

/** All of them are listed, those that are alike in one line; the first is the place. */
export function badRows(faults: readonly RowFault[], { file }: TableText) {
  const sorted = faults.toSorted((a, b) => a.line - b.line);
  const alike = Map.groupBy(sorted, ({ detail }) => detail);
  const excerpt = [...alike]
    .map(([detail, own]) => `line ${lineList(own.map(({ line }) => line))} ${detail}`)
    .join('\n');
  const place = { file, line: sorted[0]?.line ?? 1, excerpt };
  return flError('NF_TABLE_ROWS', { count: new Set(sorted.map(({ line }) => line)).size }, { place });
}

/** `2 (and 5, 7 to 9)`. */
function lineList([first = 1, ...more]: readonly number[]): string {
  const spans: { from: number; to: number }[] = [];
  for (const line of more) {
    const last = spans.at(-1);
    if (last && last.to + 1 === line) last.to = line;
    else spans.push({ from: line, to: line });
  }
  const said = spans.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`));
  return said.length === 0 ? `${first}` : `${first} (and ${said.join(', ')})`;
}
