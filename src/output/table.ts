import { stripVTControlCharacters } from 'node:util';

/** Plain columns, two spaces apart; cells that look like numbers stand to the right. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
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

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
