import type { Participants } from '../bids/participants.ts';
import { type Finding, finding } from './finding.ts';

/** What a spreadsheet begins to compute with; DDE and HYPERLINK reach out of it. */
const FORMULA = /^[=+@-]/;
/** Alone, or of numbers, it computes nothing. */
const HARMLESS = /^([+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]+)$/i;
/** Columns that are named. */
const MOST_NAMED = 5;

/**
 * Cells of participants.tsv that a spreadsheet takes for formulas. BIDS tables have no quotes (BIDS 1.11, "Tabular files"), and other tools
 * read them, so that they stay as they are, and are told.
 */
export function findFormulas({ columns, rows, file }: Participants): Finding[] {
  const cells = [
    ...columns.map((name) => ({ column: name, value: name, line: 1 })),
    ...rows.flatMap(({ values, line }) => [...values].map(([column, value]) => ({ column, value, line }))),
  ].filter(({ value }) => FORMULA.test(value) && !HARMLESS.test(value));
  const [first] = cells;
  if (!first) return [];
  const names = [...new Set(cells.map(({ column }) => column))];
  const named = names
    .slice(0, MOST_NAMED)
    .concat(names.length > MOST_NAMED ? ['…'] : [])
    .join(', ');
  const params = { count: cells.length, columns: named, value: first.value.slice(0, 100) };
  return [finding('warning', 'NF_CHECK_FORMULA', { params, place: { file, line: first.line } })];
}
