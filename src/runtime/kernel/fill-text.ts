/** `{name}`, or `{name|one|many}`: the number and what is counted, `1 image` or `2 images`. */
const PART = /\{(\w+)((?:\|[^|{}]*){2})?\}/g;

export type TextParams = Readonly<Record<string, string | number>>;

/** The names that a text wants filled in. */
export type NamesIn<Text extends string> = Text extends `${string}{${infer Rest}`
  ? Rest extends `${infer Part}}${infer Tail}`
    ? Part extends `${string}{${string}`
      ? NamesIn<Rest>
      : NameOf<Part> | NamesIn<Tail>
    : never
  : never;
type NameOf<Part extends string> = Part extends `${infer Name}|${string}` ? Name : Part;

/** A text of the catalogue with its words filled in; what is not given is left out. */
export function fillText(text: string, params: TextParams): string {
  return text.replace(PART, (_, name: string, forms?: string) => {
    const value = String(params[name] ?? '');
    const [, one, many] = forms?.split('|') ?? [];
    return forms === undefined ? value : `${value} ${value === '1' ? one : many}`;
  });
}

/** The text as a reader sees it who does not know the numbers: `{count} images`. */
export function textInGeneral(text: string): string {
  return text.replace(PART, (_, name: string, forms?: string) =>
    forms === undefined ? `{${name}}` : `{${name}} ${forms.split('|')[2]}`,
  );
}
