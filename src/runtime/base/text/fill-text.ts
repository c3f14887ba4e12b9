import { shellWord } from './shell-word.ts';

/**
 * `{name}`; `{$name}` in a command: as a shell takes it; `{name|one|many}`: the number and what is counted, `1 image` or
 * `2 images`.
 */
const PART = /\{\$?\w+(?:\|[^|{}]*\|[^|{}]*)?\}/g;

export type TextParams = Readonly<Record<string, string | number>>;

/** The names that a text wants filled in. */
export type NamesIn<Text extends string> = Text extends `${string}{${infer Rest}`
  ? Rest extends `${infer Part}}${infer Tail}`
    ? Part extends `${string}{${string}`
      ? NamesIn<Rest>
      : NameOf<Part> | NamesIn<Tail>
    : never
  : never;
type NameOf<Part extends string> = Part extends `${infer Name}|${string}`
  ? Name
  : Part extends `$${infer Word}`
    ? Word
    : Part;

/** A text of the catalogue with its words filled in; what is not given is left out. */
export function fillText(text: string, params: TextParams): string {
  return text.replace(PART, (part) => {
    const { name, isWord, one, many } = partOf(part);
    const value = String(params[name] ?? '');
    if (isWord) return shellWord(value);
    return one === undefined ? value : `${value} ${value === '1' ? one : many}`;
  });
}

/** The text as a reader sees it who does not know the numbers: `{count} images`. */
export function textInGeneral(text: string): string {
  return text.replace(PART, (part) => {
    const { name, many } = partOf(part);
    return many === undefined ? `{${name}}` : `{${name}} ${many}`;
  });
}

/** A text of the catalogue as its own words and the places between them. */
export function partsOf(text: string): (string | ReturnType<typeof partOf>)[] {
  const parts: (string | ReturnType<typeof partOf>)[] = [];
  let end = 0;
  for (const { 0: part, index } of text.matchAll(PART)) {
    parts.push(text.slice(end, index), partOf(part));
    end = index + part.length;
  }
  return [...parts, text.slice(end)];
}

function partOf(part: string) {
  const [head = '', one, many] = part.slice(1, -1).split('|');
  return { name: head.replace('$', ''), isWord: head.startsWith('$'), one, many };
}
