import { headerFault } from './stored-volume.ts';

/** No header of people's scans comes near it. */
const LONGEST_HEADER = 2 ** 20;
/** Of a file: where a header ends, or that it is too long, is seen in these. */
export const HEADER_BYTES = LONGEST_HEADER + 1;

/**
 * Lines of text at the beginning of a file, up to the one that `isLast` names, and where the bytes behind it begin.
 * @throws NF_VOLUME_HEADER where it does not end
 */
export function headerLines(
  bytes: Uint8Array,
  isLast: (line: string) => boolean,
  { file, mayEnd }: { file: string; mayEnd: boolean },
): { lines: string[]; end: number } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LONGEST_HEADER)).toString(
    'latin1',
  );
  const lines: string[] = [];
  for (let at = 0; at < text.length; ) {
    const stop = text.indexOf('\n', at);
    if (stop === -1 && !mayEnd) break;
    const end = stop === -1 ? text.length : stop + 1;
    const line = text.slice(at, end).replace(/\r?\n$/, '');
    lines.push(line);
    if (isLast(line)) return { lines, end };
    at = end;
  }
  if (mayEnd && bytes.length <= LONGEST_HEADER) return { lines, end: bytes.length };
  throw headerFault(file, 'no end');
}

/** Numbers between blanks; NaN for what is none. */
export function numbersOf(text: string): number[] {
  return text
    .trim()
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map(Number);
}
