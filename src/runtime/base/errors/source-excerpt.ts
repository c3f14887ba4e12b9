/** A line of data may have any length; who reads an error needs what stands around its place. */
const MOST_COLUMNS = 400;

/** A source line with a caret under the column (both from 1; at most one beyond its end): what an error prints below its place. */
export function sourceExcerpt(
  text: string,
  { line, column }: { line: number; column?: number | undefined },
): string {
  const label = `${line} | `;
  const whole = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  if (column === undefined) return `${label}${cut(whole, 0)}`;
  const at = Math.max(0, Math.min(column - 1, whole.length));
  const start = whole.length > MOST_COLUMNS ? Math.max(0, at - MOST_COLUMNS / 2) : 0;
  const before = ' '.repeat(at - start + (start > 0 ? 1 : 0));
  return `${label}${cut(whole, start)}\n${' '.repeat(label.length - 2)}| ${before}^`;
}

/** The part of a line that is shown, with marks where something is left out. */
function cut(line: string, start: number): string {
  const end = start + MOST_COLUMNS;
  return `${start > 0 ? '…' : ''}${line.slice(start, end)}${end < line.length ? '…' : ''}`;
}
