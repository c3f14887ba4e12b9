import { stripVTControlCharacters } from 'node:util';
import { cut } from '../runtime/kernel/printable.ts';

/** Longer cells would push the columns after them off every screen; `--json` has them whole. */
const MOST_CHARACTERS = 160;

/** Plain columns, two spaces apart; cells that look like numbers stand to the right. A cell is one line of bounded length. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map(oneCell));
  const widths = header.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const rightward = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^([-+]?\d[\d.,]*%?|-)?$/.test(row[column] ?? '')),
  );
  return all
    .map((row) =>
      widths
        .map((width, column) => {
          const cell = row[column] ?? '';
          const gap = ' '.repeat(width - widthOf(cell));
          return rightward[column] ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function oneCell(text: string): string {
  return cut(text.replaceAll('\n', '\\n'), MOST_CHARACTERS);
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
