import type { Selection } from '../../runtime/base/selection/selection.ts';

const QUOTES: readonly (readonly [open: string, close: string])[] = [
  ['"', '"'],
  ["'", "'"],
  ['\u201c', '\u201d'],
  ['\u2018', '\u2019'],
];
/** What tools other than BIDS write for a value that is not known. */
const UNKNOWN = /^(n\/?a|#n\/a|nan|null)$/i;
/** Blanks of all kinds, no-break spaces among them, and characters of no width. */
const BLANKS = /[\s\u200b\u2060]+/g;

/** A cell or a column's name without what spreadsheets leave around it: blanks, no-break spaces, quotes. */
export function cleanText(text: string): string {
  const plain = text.replace(BLANKS, ' ').trim();
  const quoted = QUOTES.some(
    ([open, close]) => plain.length > 1 && plain.startsWith(open) && plain.endsWith(close),
  );
  return quoted ? cleanText(plain.slice(1, -1)) : plain;
}

/** Labels of which a selection makes one class have one of these. */
export function classText(text: string, { ignore_case: ignoreCase }: Pick<Selection, 'ignore_case'>): string {
  return ignoreCase ? cleanText(text).toLowerCase() : cleanText(text);
}

/** Whether a clean text says that nothing is known. */
export function isUnknown(text: string): boolean {
  return text === '' || UNKNOWN.test(text);
}

/** The column meant by a name: that name, else the only one that is it without blanks and quotes around. */
export function columnNamed(columns: readonly string[], name: string): string | undefined {
  if (columns.includes(name)) return name;
  const alike = columns.filter((column) => cleanText(column) === cleanText(name));
  return alike.length === 1 ? alike[0] : undefined;
}
