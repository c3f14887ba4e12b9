import type { WriteStream } from 'node:tty';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Columns of the screen a stream writes to; a file or a pipe has no edge. */
export function columnsOf({ isTTY, columns }: Partial<Pick<WriteStream, 'isTTY' | 'columns'>>): number {
  return isTTY && columns !== undefined && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** Columns that a text takes up: a Chinese character two, a colour none. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** The same text in lines that fit, broken between words where that can be; what was set in stays so. */
export function wrapped(text: string, columns: number): string {
  if (!Number.isFinite(columns)) return text;
  return text
    .split('\n')
    .map((line) => {
      const inset = line.slice(0, Math.min(line.length - line.trimStart().length, columns - 1));
      const rows = wrapAnsi(line.trimStart(), Math.max(1, columns - inset.length), { hard: true });
      return inset + rows.replaceAll('\n', `\n${inset}`);
    })
    .join('\n');
}

/** A text in at most so many columns; what is cut is shown by an ellipsis. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const characters = [...text];
  while (characters.length > 0 && widthOf(characters.join('')) > columns - 1) characters.pop();
  return columns > 0 ? `${characters.join('')}…` : '';
}
