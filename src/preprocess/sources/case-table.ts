import type { LabelMap } from './label-map.ts';
import { findColumns, type NamedColumns, openColumns } from './table-columns.ts';
import { badRows, type RowFault, readRows, type TableRow } from './table-rows.ts';
import { readTableText, type TableText } from './table-text.ts';

/** What a table says of one case. */
export type CaseRow = Pick<TableRow, 'label' | 'group' | 'site'>;

/**
 * Labels of cases by name. The column with the names is the one that is named, or that in which most of them stand; rows of other cases and
 * rows without a label are passed over.
 * @throws NF_TABLE_*
 */
export async function readCaseTable(
  file: string,
  what: {
    readonly cases: readonly { readonly name: string }[];
    readonly columns: NamedColumns;
    readonly labels: LabelMap | undefined;
  },
): Promise<ReadonlyMap<string, CaseRow>> {
  const table = await readTableText(file);
  const names = new Set(what.cases.map(({ name }) => name));
  const columns = { ...what.columns, file: what.columns.file ?? caseColumn(table, names) };
  const found = findColumns(table, columns, ['file', 'label']);
  const at = found.file ?? 0;
  const own = table.rows.filter(({ cells }) => names.has(cells[at] ?? ''));
  const isLabelled = ({ cells }: (typeof own)[number]) => !/^(|n\/?a)$/i.test(cells[found.label ?? 0] ?? '');
  const read = readRows(
    { ...table, rows: own.filter(isLabelled) },
    { ...found, mask: undefined },
    what.labels,
  );
  const faults = [...read.faults, ...doubled(read.rows)];
  if (faults.length > 0) throw badRows(faults, table);
  return new Map(read.rows.map((row) => [row.file, row]));
}

function caseColumn(table: TableText, names: ReadonlySet<string>): string {
  const counts = table.columns.map((name, at) =>
    name === '' ? 0 : table.rows.filter(({ cells }) => names.has(cells[at] ?? '')).length,
  );
  const most = Math.max(...counts);
  const best = table.columns[counts.indexOf(most)];
  if (most > 0 && best !== undefined) return best;
  const open = {
    what: 'name of the case',
    flag: '--file-column',
    detail: 'no cell is the name of a case',
  };
  throw openColumns(table, [open]);
}

function doubled(rows: readonly TableRow[]): RowFault[] {
  const first = new Map<string, number>();
  return rows.flatMap(({ file, line }): RowFault[] => {
    const earlier = first.get(file);
    if (earlier === undefined) {
      first.set(file, line);
      return [];
    }
    return [{ line, detail: `names the case of line ${earlier}` }];
  });
}
