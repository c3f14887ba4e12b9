import { stat } from 'node:fs/promises';
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  visit,
} from 'yaml';
import { type CodeNaming, flError, type Place } from '../errors/errors.ts';
import { reasonOf } from '../errors/reason-of.ts';
import { sourceExcerpt } from '../errors/source-excerpt.ts';
import { readInput } from './read-file.ts';

/** A YAML file with the positions of its parts, for errors that point at the line. */
export interface YamlSource {
  readonly path: string;
  readonly document: Document.Parsed;
  /** Plain value; aliases expanded within the library's limit against "billion laughs". */
  readonly value: unknown;
  /** Place of the value at `keys`, or of the key itself with `{ key: true }`; of the nearest parent if it is absent. */
  place(keys: readonly (string | number)[], options?: { key?: boolean }): Place;
}

/** Characters of a dotted key in a place. */
const MOST_KEY = 200;
/** Definitions are small; a file past this is not one. */
const MAX_BYTES = 1_000_000;
/** Lists and maps in one another. What reads them goes as deep into its own stack. */
export const MOST_YAML_DEPTH = 100;
/** A document and what is being read of it stand on the parser's stack, too. */
const STACK_ABOVE = 2;

interface YamlFile {
  readonly path: string;
  /** Row of the error catalogue for a file that is no YAML; it takes a `{reason}`. */
  readonly code: CodeNaming<'reason'>;
  readonly mostBytes?: number | undefined;
}

export async function readYaml(
  path: string,
  code: CodeNaming<'reason'>,
  { mostBytes = MAX_BYTES }: { mostBytes?: number | undefined } = {},
): Promise<YamlSource> {
  const file = { path, code, mostBytes };
  const { size } = await stat(path);
  if (size > mostBytes) throw tooLarge(size, file);
  return parseYaml(decode(await readInput(path), file), file);
}

function decode(bytes: Uint8Array, { path, code }: YamlFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw flError(code, { reason: 'it is not UTF-8 text.' }, { place: { file: path }, cause });
  }
}

/** As `readYaml`, of a text that `path` holds or would hold. */
export function parseYaml(text: string, file: YamlFile): YamlSource {
  const { path, code, mostBytes = MAX_BYTES } = file;
  if (text.length > mostBytes) throw tooLarge(text.length, file);
  const lines = new LineCounter();
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
  const tooDeep = (offset: number) => {
    const reason = `its lists and maps lie more than ${MOST_YAML_DEPTH} deep in one another.`;
    return flError(code, { reason }, { place: at(offset) });
  };
  const documents = compose(text, lines, tooDeep);
  const document = documents.next().value;
  if (!document) throw flError(code, { reason: 'it is empty.' }, { place: { file: path } });
  const broken = document.errors[0];
  if (broken) throw flError(code, { reason: yamlFault(broken.message) }, { place: at(broken.pos[0]) });
  const second = documents.next().value;
  if (second) throw flError(code, { reason: MANY }, { place: at(second.range[0]) });
  const circle = circleIn(document);
  if (circle) throw flError(code, { reason: circle.reason }, { place: at(circle.offset) });
  const bad = badKey(document);
  if (bad) throw flError(code, { reason: bad.reason }, { place: at(bad.offset) });
  return {
    path,
    document,
    value: toValue(document, file),
    place: (keys, options = {}) =>
      at(offsetOf(document, keys, options.key ?? false), keys.join('.').slice(0, MOST_KEY)),
  };
}

const MANY = 'it holds several documents, and one is wanted.';
const TWICE = 'this key stands twice in one map.';
const NO_NAME = 'a list or map is no name of a key.';
const RESERVED = "'__proto__' is no name: JavaScript takes it for something else.";

/**
 * Where a key stands that its map has already (the library compares each key with all before it, which takes minutes for a large map), or one that
 * would be lost without a word, or become a text that nobody has written.
 */
function badKey(document: Document.Parsed): { reason: string; offset: number } | undefined {
  let found: { reason: string; offset: number } | undefined;
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isAlias(key) ? key.resolve(document) : key;
        if (isMap(name) || isSeq(name)) {
          found = { reason: NO_NAME, offset: name.range?.[0] ?? 0 };
          return visit.BREAK;
        }
        if (!isScalar(name)) continue;
        if (seen.has(name.value) || name.value === '__proto__') {
          const reason = name.value === '__proto__' ? RESERVED : TWICE;
          found = { reason, offset: (isNode(key) && key.range?.[0]) || 0 };
          return visit.BREAK;
        }
        seen.add(name.value);
      }
      return undefined;
    },
  });
  return found;
}

/** Where an alias stands within the very list or map that it names: what reads such a value never comes to its end. */
export function circleIn(document: Document.Parsed): { reason: string; offset: number } | undefined {
  const named = new Map<string, unknown>();
  let found: { reason: string; offset: number } | undefined;
  visit(document, (_key, node, path) => {
    if (isAlias(node)) {
      const target = named.get(node.source);
      if (!path.some((outer) => outer === target)) return undefined;
      const reason = `its alias '*${node.source.slice(0, MOST_KEY)}' stands within what it names: nothing can hold itself.`;
      found = { reason, offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    }
    if (isNode(node) && node.anchor !== undefined) named.set(node.anchor, node);
    return undefined;
  });
  return found;
}

/** As the library's `parseDocument` does it, but for texts that are nested without end: they end at once, not in its stack. */
function* compose(
  text: string,
  lines: LineCounter,
  tooDeep: (offset: number) => Error,
): Generator<Document.Parsed, undefined> {
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  yield* composer.compose(tokensOf(text, lines, tooDeep), true, text.length);
  return undefined;
}

function* tokensOf(
  text: string,
  lines: LineCounter,
  tooDeep: (offset: number) => Error,
): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MOST_YAML_DEPTH + STACK_ABOVE) throw tooDeep(parser.offset);
  }
  yield* parser.end();
}

function tooLarge(size: number, { path, code, mostBytes = MAX_BYTES }: YamlFile) {
  const reason = `it has ${size} bytes, more than ${mostBytes}.`;
  return flError(code, { reason }, { place: { file: path } });
}

function toValue(document: Document.Parsed, { path, code }: YamlFile): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw flError(code, { reason: reasonOf(error) }, { place: { file: path }, cause: error });
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

function yamlFault(message: string): string {
  return `${message.replace(/\.?$/, '')}.`;
}
