/**
 * Characters that a terminal obeys, that end a line, or that change how a line reads: controls (C0, DEL, C1), line and paragraph
 * separators, marks of writing direction (Unicode UAX 9), and those that are not seen at all.
 */
const OBEYED =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text of somebody else (a site, a script, a job, a data set, a server) as it may be shown: what a terminal would obey stands
 * there to be read, as `\x1b`, `\n` or `\u202e`. Always one line, save for characters that `keep` names. Doing it twice changes nothing.
 */
export function printable(text: string, keep = ''): string {
  return text.replace(OBEYED, (character) =>
    keep.includes(character) ? character : (SHORT[character] ?? escaped(character)),
  );
}

/** As `printable`, of every text and name in a value; lines of an `excerpt` stay lines, for they are shown below their place. */
export function printableDeep<Value>(value: Value): Value {
  return deep(value, '') as Value;
}

function deep(value: unknown, name: string): unknown {
  if (typeof value === 'string') return printable(value, name === 'excerpt' ? '\n\t' : '');
  if (Array.isArray(value)) return value.map((item) => deep(item, name));
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [printable(key), deep(item, key)]));
}

/** JSON whose text holds none of these characters: the same value, and safe on a terminal. */
export function printableJson(value: unknown): string {
  return printableLine(JSON.stringify(value));
}

/** As `printableJson`, of a line of JSON that exists, with its end. */
export function printableLine(json: string): string {
  return json.replace(OBEYED, (character) => (character === '\n' ? character : unicodeEscapes(character)));
}

/** Not longer than `most` characters; what is cut is shown by an ellipsis. */
export function cut(text: string, most: number): string {
  const characters = text.length > most ? [...text] : [];
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

function unicodeEscapes(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
