import { flError } from '../../runtime/base/errors/errors.ts';
import type { Selection } from '../../runtime/base/selection/selection.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { nearest } from '../../runtime/base/text/nearest.ts';
import type { LabelCell, LabelColumn } from './label-cells.ts';
import { classText, cleanText, isUnknown } from './label-text.ts';

/** What is read for a value of the label column, and where it stands. */
export interface LabelValue {
  /** As written. */
  readonly value: string;
  /** Null where images with it are left out. */
  readonly label: string | null;
  readonly cells: readonly LabelCell[];
}

/** From a value as it is written to the class; null: left out; undefined: the map does not know it. */
type Reader = (value: string) => string | null | undefined;

function readerOf(selection: Selection): Reader {
  const { label_map: map } = selection;
  const keyOf = (value: string) => classText(value, selection);
  if (!map) return (value) => (isUnknown(cleanText(value)) ? null : keyOf(value));
  const labels = new Map(Object.entries(map).map(([value, label]) => [keyOf(value), label]));
  return (value) => {
    const label = labels.get(keyOf(value));
    return label === undefined && isUnknown(cleanText(value)) ? null : label;
  };
}

/**
 * The different values of the label column, in order, with what each is read as.
 * @throws NF_SELECT_UNMAPPED with all values that the label map lacks, and their lines
 */
export function readValues(cells: readonly LabelCell[], column: string, selection: Selection): LabelValue[] {
  const read = readerOf(selection);
  const values = [...Map.groupBy(cells, ({ value }) => value)].sort(([a], [b]) => compareText(a, b));
  const unmapped = values.filter(([value]) => read(value) === undefined);
  const place = unmapped[0]?.[1][0];
  if (!place) return values.map(([value, own]) => ({ value, label: read(value) ?? null, cells: own }));
  const keys = Object.keys(selection.label_map ?? {});
  const named = unmapped.map(([value, own]) => {
    const like = nearest(cleanText(value), keys);
    return `'${value}' (${linesOf(own)}${like === undefined ? '' : `; did you mean '${like}'?`})`;
  });
  const params = { column, count: unmapped.length, values: named.join(', ') };
  const at = { file: place.file, line: place.line, key: column };
  throw flError('NF_SELECT_UNMAPPED', params, { place: at });
}

/** Lines that are named of one value. */
const MOST_LINES = 5;

/** `lines 3, 8 and 4 more`. */
export function linesOf(cells: readonly LabelCell[]): string {
  const lines = [...new Set(cells.map(({ line }) => line))].sort((a, b) => a - b);
  const more = lines.length > MOST_LINES ? ` and ${lines.length - MOST_LINES} more` : '';
  return `${lines.length === 1 ? 'line' : 'lines'} ${lines.slice(0, MOST_LINES).join(', ')}${more}`;
}

/**
 * The one label of a participant.
 * @returns undefined where no row is about one of the images
 * @throws NF_SELECT_TWO_LABELS
 */
export function labelOfCells(
  participant: string,
  cells: readonly LabelCell[],
  { column, labels }: { column: LabelColumn; labels: ReadonlyMap<string, string | null> },
): { label: string | null; cell: LabelCell } | undefined {
  const found = cells.map((cell) => ({ label: labels.get(cell.value) ?? null, cell }));
  const said = found.filter(({ label }) => label !== null);
  const [first] = said;
  const other = said.find(({ label }) => label !== first?.label);
  if (first && other) {
    const where = ({ label, cell }: typeof first) =>
      `${label} (${cell.session === undefined ? '' : `ses-${cell.session}, `}line ${cell.line})`;
    const params = { participant, first: where(first), second: where(other), table: column.table };
    const at = { file: other.cell.file, line: other.cell.line, key: column.column };
    throw flError('NF_SELECT_TWO_LABELS', params, { place: at });
  }
  return first ?? found[0];
}
