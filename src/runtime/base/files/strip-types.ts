import { stripTypeScriptTypes } from 'node:module';

/** Texts of TypeScript, and each without its types. Node.js's parser takes longer to load than many a task. */
export type StrippedTexts = ReadonlyMap<string, string>;

/**
 * TypeScript without its types, each letter of what is left where it was. @throws what Node.js says of code that does not parse
 */
export function stripTypes(text: string): string {
  return quietly(() => stripTypeScriptTypes(text));
}

/** Older lines of Node warn that stripping types is experimental; the user of a script need not know. */
function quietly<T>(work: () => T): T {
  const emit = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emit;
  }
}
