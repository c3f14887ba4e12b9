const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** `[` and `{`, `]` and `}` differ in this bit alone. */
const CURLED = 0x20;
const OPENS = 0x7b;
const CLOSES = 0x7d;

export interface JsonBounds {
  /** Lists and objects in one another: what reads them goes as deep into its own stack. */
  readonly depth: number;
  /** Numbers, texts, lists and objects: something is made of each. */
  readonly values: number;
}

/** Which bound the text of a JSON value is beyond: known before anything is made of it. */
export function beyondBounds(
  text: string,
  { depth: most, values }: JsonBounds,
): keyof JsonBounds | undefined {
  let depth = 0;
  let count = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA) count++;
    else if ((code | CURLED) === OPENS) {
      // The first value of a list comes without a comma; an empty one is counted a little too high.
      depth++;
      count++;
    } else if ((code | CURLED) === CLOSES) depth--;
    if (depth > most) return 'depth';
    if (count > values) return 'values';
  }
  return undefined;
}

/** Place of the closing quote; that of the last letter where there is none. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}
