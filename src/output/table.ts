import { cut } from '../runtime/base/text/printable.ts';
import { columnsOf, widthOf, wrapped } from './width.ts';

/** Longer cells would push the columns after them off every screen; `--json` has them whole. */
const MOST_CHARACTERS = 160;

const GAP = 2;

/** A column is not made narrower than this: words broken into shreds are worse than rows of another form. */
const NARROWEST = 10;

/**
 * Plain columns, two spaces apart; cells that look like numbers stand to the right. Where the columns do not fit the screen, the
 * widest are wrapped within their cells; where that is not enough, each row is a block with a line for each cell.
 * `columns`: of the screen.
 */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number = columnsOf(process.stdout),
): string {
  const all = [header, ...rows].map((row) => header.map((_, column) => oneCell(row[column] ?? '')));
  const natural = header.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const widths = narrowed(natural, columns - GAP * (header.length - 1));
  if (widths === undefined) return renderBlocks(all, columns);
  const rightward = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^([-+]?\d[\d.,]*%?|-)?$/.test(row[column] ?? '')),
  );
  return all.map((row) => renderRow(row, widths, rightward)).join('\n');
}

/** The widest columns give way until all fit; undefined if they would be too narrow to read. */
function narrowed(natural: readonly number[], room: number): readonly number[] | undefined {
  const sum = (widths: readonly number[]) => widths.reduce((total, width) => total + width, 0);
  if (sum(natural) <= room) return natural;
  let limit = Math.max(...natural);
  while (limit > NARROWEST && sum(natural.map((width) => Math.min(width, limit))) > room) limit--;
  const widths = natural.map((width) => Math.min(width, limit));
  return sum(widths) <= room ? widths : undefined;
}

function renderRow(row: readonly string[], widths: readonly number[], rightward: readonly boolean[]): string {
  const cells = row.map((cell, column) => linesOf(cell, widths[column] ?? 0));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    cells
      .map((lines, column) => {
        const line = lines[at] ?? '';
        const gap = ' '.repeat((widths[column] ?? 0) - widthOf(line));
        return rightward[column] ? gap + line : line + gap;
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  ).join('\n');
}

function linesOf(cell: string, width: number): string[] {
  return widthOf(cell) <= width
    ? [cell]
    : wrapped(cell, width)
        .split('\n')
        .map((line) => line.trim());
}

/** `name  value` a line, an empty line between rows. */
function renderBlocks([header = [], ...rows]: readonly (readonly string[])[], columns: number): string {
  if (rows.length === 0) return wrapped(header.join('  '), columns);
  const label = Math.max(...header.map(widthOf)) + GAP;
  const isRoomy = columns - label >= NARROWEST;
  const block = (row: readonly string[]) =>
    header.flatMap((name, column) => {
      const value = row[column] ?? '';
      if (value === '') return [];
      if (!isRoomy) return wrapped(`${name}: ${value}`, columns).split('\n');
      return linesOf(value, columns - label).map(
        (line, at) => (at === 0 ? name + ' '.repeat(label - widthOf(name)) : ' '.repeat(label)) + line,
      );
    });
  return rows.map((row) => block(row).join('\n')).join('\n\n');
}

function oneCell(text: string): string {
  return cut(text.replaceAll('\n', '\\n'), MOST_CHARACTERS);
}
