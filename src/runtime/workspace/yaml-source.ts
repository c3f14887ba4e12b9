import { readFile, stat } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { type CodeNaming, flError, type Place } from '../kernel/errors.ts';
import { sourceExcerpt } from '../kernel/source-excerpt.ts';

/** A YAML file with the positions of its parts, for errors that point at the line. */
export interface YamlSource {
  readonly path: string;
  readonly document: Document.Parsed;
  /** Plain value; aliases expanded within the library's limit against "billion laughs". */
  readonly value: unknown;
  /** Place of the value at `keys`, or of the key itself with `{ key: true }`; of the nearest parent if it is absent. */
  place(keys: readonly (string | number)[], options?: { key?: boolean }): Place;
}

/** Definitions are small; a file past this is not one. */
const MAX_BYTES = 1_000_000;

/** `code` is the row of the error catalogue for a file that is no YAML; it takes a `{reason}`. */
export async function readYaml(path: string, code: CodeNaming<'reason'>): Promise<YamlSource> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw tooLarge(size, { path, code });
  return parseYaml(decode(await readFile(path), { path, code }), { path, code });
}

function decode(bytes: Uint8Array, { path, code }: { path: string; code: CodeNaming<'reason'> }): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw flError(code, { reason: 'it is not UTF-8 text.' }, { place: { file: path }, cause });
  }
}

/** As `readYaml`, of a text that `path` holds or would hold. */
export function parseYaml(
  text: string,
  { path, code }: { path: string; code: CodeNaming<'reason'> },
): YamlSource {
  if (text.length > MAX_BYTES) throw tooLarge(text.length, { path, code });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number, key?: string): Place => {
    const { line, col } = lines.linePos(offset);
    return {
      file: path,
      line,
      column: col,
      ...(key && { key }),
      excerpt: sourceExcerpt(text, { line, column: col }),
    };
  };
  const broken = document.errors[0];
  if (broken) throw flError(code, { reason: reasonOf(broken.message) }, { place: at(broken.pos[0]) });
  return {
    path,
    document,
    value: toValue(document, { path, code }),
    place: (keys, options = {}) => at(offsetOf(document, keys, options.key ?? false), keys.join('.')),
  };
}

function tooLarge(size: number, { path, code }: { path: string; code: CodeNaming<'reason'> }) {
  const reason = `it has ${size} bytes, more than ${MAX_BYTES}.`;
  return flError(code, { reason }, { place: { file: path } });
}

function toValue(
  document: Document.Parsed,
  { path, code }: { path: string; code: CodeNaming<'reason'> },
): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw flError(
      code,
      { reason: error instanceof Error ? error.message : String(error) },
      { place: { file: path }, cause: error },
    );
  }
}

function offsetOf(document: Document.Parsed, keys: readonly (string | number)[], wantKey: boolean): number {
  for (let depth = keys.length; depth > 0; depth--) {
    const parent = document.getIn(keys.slice(0, depth - 1), true) ?? document.contents;
    const last = keys[depth - 1];
    if (isSeq(parent)) {
      const item = parent.items[Number(last)];
      if (isNode(item) && item.range) return item.range[0];
    }
    if (!isMap(parent)) continue;
    const pair = parent.items.find(({ key }) => (isScalar(key) ? key.value : key) === last);
    const node = wantKey || !isNode(pair?.value) ? pair?.key : pair.value;
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function reasonOf(message: string): string {
  return message === 'Map keys must be unique'
    ? 'this key stands twice in one map.'
    : `${message.replace(/\.?$/, '')}.`;
}
