import { readFileSync } from 'node:fs';
import type { registerHooks } from 'node:module';
import { type StrippedTexts, stripTypes } from '../../base/files/strip-types.ts';
import { requireOthers } from './own-code.ts';

type Load = NonNullable<Parameters<typeof registerHooks>[0]['load']>;

interface Stripped {
  readonly text: string;
  readonly code: string;
}

const known = new Map<string, Stripped>();
let given: StrippedTexts = new Map();

/** For scripts that somebody has parsed already: then the parser is not loaded here. */
export function useStripped(texts: StrippedTexts): void {
  given = texts;
}

/**
 * A file of TypeScript as Node.js loads it, but its types are taken out once in a thread and not once a task: each task
 * evaluates its script anew. A file that has changed meanwhile is stripped anew.
 */
export const loadTypeScript: Load = (url, context, next) => {
  requireOthers(url, context);
  if (context.format !== 'module-typescript') return next(url, context);
  const file = new URL(url);
  const text = readFileSync(file, 'utf8');
  const before = known.get(file.pathname);
  const now = before?.text === text ? before : { text, code: given.get(text) ?? stripTypes(text) };
  known.set(file.pathname, now);
  return { format: 'module', source: now.code, shortCircuit: true };
};
