import { inspect } from 'node:util';
import { cut } from '../text/printable.ts';

const MOST = 500;

/** What was thrown, in words: a message, a text, or what is in an object that is no error. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'string') return thrown;
  return cut(
    inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY, customInspect: false }),
    MOST,
  );
}
