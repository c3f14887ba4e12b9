import { parse } from 'csv-parse/sync';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInput } from '../../runtime/base/files/read-file.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';

export interface TableText {
  readonly file: string;
  /** Names in the first line; '' for one that has none. */
  readonly columns: readonly string[];
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

const DELIMITERS = [',', ';', '\t'] as const;

/**
 * A table of commas, semicolons or tabs: that of a line `sep=;` above it, else whichever its first line has most of; cells without the blanks around them, rows without any cell left out.
 * @throws NF_PATH_MISSING, NF_INPUT_LARGE, NF_TABLE_UNREADABLE with the line
 */
export async function readTableText(file: string): Promise<TableText> {
  const bytes = await readInput(file, DATA_LIMITS.table_bytes.most).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Table', path: file }, { place: { file }, cause });
  });
  const text = decode(bytes, file);
  const records = parseText(text, file);
  const [header, ...rows] = records;
  if (!header) throw unreadable('it is empty', { file });
  const columns = header.cells;
  const twice = columns.find((name, at) => name !== '' && columns.indexOf(name) !== at);
  if (twice !== undefined)
    throw unreadable(`the column '${twice}' is there twice`, { file, line: header.line });
  if (rows.length === 0) throw unreadable('it has no rows below its first line', { file, line: header.line });
  return { file, columns, rows };
}

function decode(bytes: Uint8Array, file: string): string {
  const what = otherKind(bytes);
  if (what !== undefined) throw unreadable(`it is ${what}`, { file });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const line = lineOfBadByte(bytes);
    throw unreadable('it is not UTF-8 but Latin-1, Windows-1252 or the like', { file, line, cause });
  }
}

function otherKind(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (head.startsWith('\xff\xfe') || head.startsWith('\xfe\xff')) return 'UTF-16, not UTF-8';
  if (head.startsWith('PK')) return 'an Excel or OpenDocument workbook, not text';
  if (head.startsWith('\xd0\xcf\x11\xe0')) return 'an old Excel workbook, not text';
  return bytes.includes(0) ? 'no text: it has zero bytes' : undefined;
}

/** 1-based. */
function lineOfBadByte(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let at = 0; at < bytes.length; line++) {
    const stop = bytes.indexOf(10, at);
    const end = stop === -1 ? bytes.length : stop + 1;
    try {
      decoder.decode(bytes.subarray(at, end));
    } catch {
      return line;
    }
    at = end;
  }
  return line;
}

function parseText(text: string, file: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = [];
  try {
    // Excel's own first line `sep=;` says the delimiter, and is no row.
    const said = /^\uFEFF?"?sep=([,;\t])"?(?=[\r\n])/i.exec(text)?.[1];
    parse(text, {
      delimiter: said ?? delimiterOf(text),
      ...(said !== undefined && { from_line: 2 }),
      record_delimiter: ['\r\n', '\n', '\r'],
      bom: true,
      skip_empty_lines: true,
      on_record: (record: string[], { lines }) => {
        const cells = record.map((cell) => cell.trim());
        // `lines` counts to the end of the record, whose cells may have line breaks in them.
        const breaks = record.join('').match(/\r\n|\n|\r/g)?.length ?? 0;
        if (cells.some((cell) => cell !== '')) rows.push({ line: lines - breaks, cells });
        return null;
      },
    });
    return rows;
  } catch (cause) {
    const { code, lines, message } = cause as Error & { code?: string; lines?: number };
    if (!/^(CSV|INVALID)_/.test(code ?? '')) throw cause;
    throw unreadable(WORDS.get(code ?? '') ?? message, {
      file,
      ...(lines !== undefined && { line: lines }),
      cause,
    });
  }
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['CSV_RECORD_INCONSISTENT_FIELDS_LENGTH', 'a row has more or fewer cells than the first line'],
  ['CSV_QUOTE_NOT_CLOSED', 'a quote is opened and not closed'],
  ['CSV_INVALID_CLOSING_QUOTE', 'something follows the closing quote of a cell'],
  ['INVALID_OPENING_QUOTE', 'a quote stands in the middle of a cell'],
]);

/** Outside of quotes. */
function delimiterOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const header = (end === -1 ? text : text.slice(0, end)).replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((mark) => header.split(mark).length - 1);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function unreadable(detail: string, { file, line, cause }: { file: string; line?: number; cause?: unknown }) {
  const place = { file, ...(line !== undefined && { line }) };
  return flError('NF_TABLE_UNREADABLE', { detail }, { place, cause });
}
