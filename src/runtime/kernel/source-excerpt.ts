/** A source line with a caret under the column (both from 1): what an error prints below its place. */
export function sourceExcerpt(
  text: string,
  { line, column }: { line: number; column?: number | undefined },
): string {
  const label = `${line} | `;
  const source = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
  if (column === undefined) return `${label}${source}`;
  return `${label}${source}\n${' '.repeat(label.length - 2)}| ${' '.repeat(Math.max(0, column - 1))}^`;
}
