import { diff } from 'node:util';
import { compareText } from '../base/text/compare-text.ts';
import { printable } from '../base/text/printable.ts';
import type { Bundle } from '../job/bundle.ts';

/**
 * A line of a file: in both versions, added, or removed. What changes how a line reads is written out: marks of writing direction, letters that are not seen,
 * and ends of lines that a browser does not show and a program obeys (a comment ends at a lone CR).
 */
export type CodeLine = readonly [mark: ' ' | '+' | '-', text: string];

export interface ShownFile {
  readonly path: string;
  readonly size: number;
  /** Against what was approved before; undefined where there is nothing to hold it against. */
  readonly change: 'same' | 'changed' | 'new' | 'removed' | undefined;
  /** Null: it is no text, or too long to be shown. */
  readonly lines: readonly CodeLine[] | null;
}

const MOST_BYTES = 400_000;
/** Of the part in which two versions differ: what compares them keeps the square of it. */
const MOST_DIFFERENT = 800;

/** The files of a job, each held against the one of its path in what was approved before. */
export function codeDifference(now: Bundle, before: Bundle | undefined): ShownFile[] {
  const old = new Map(before?.files.map((file) => [file.path, file]));
  const shown = now.files.map((file): ShownFile => {
    const { path, bytes } = file;
    const earlier = old.get(path);
    old.delete(path);
    const text = textOf(bytes);
    const isSame = earlier?.sha256 === file.sha256;
    const change = before === undefined ? undefined : isSame ? 'same' : earlier ? 'changed' : 'new';
    const was = earlier && !isSame ? textOf(earlier.bytes) : undefined;
    const lines =
      text === undefined ? null : was === undefined ? plain(text) : differences(linesOf(was), linesOf(text));
    return { path, size: bytes.length, change, lines };
  });
  const removed = [...old.values()].map(({ path, bytes }): ShownFile => {
    const text = textOf(bytes);
    const lines = text === undefined ? null : linesOf(text).map((line): CodeLine => ['-', line]);
    return { path, size: bytes.length, change: 'removed', lines };
  });
  return [...shown, ...removed].sort((a, b) => compareText(a.path, b.path));
}

function plain(text: string): CodeLine[] {
  return linesOf(text).map((line) => [' ', line]);
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => printable(line.endsWith('\r') ? line.slice(0, -1) : line, '\t'));
}

function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > MOST_BYTES || bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The lines of both; where too many differ, all of the one and then all of the other. */
export function differences(before: readonly string[], now: readonly string[]): CodeLine[] {
  let start = 0;
  const least = Math.min(before.length, now.length);
  while (start < least && before[start] === now[start]) start++;
  let end = 0;
  while (end < least - start && before.at(-1 - end) === now.at(-1 - end)) end++;
  const [was, is] = [before.slice(start, before.length - end), now.slice(start, now.length - end)];
  const same = (lines: readonly string[]) => lines.map((line): CodeLine => [' ', line]);
  return [...same(before.slice(0, start)), ...between(was, is), ...same(before.slice(before.length - end))];
}

function between(was: readonly string[], is: readonly string[]): CodeLine[] {
  const all = () => [...was.map((line): CodeLine => ['-', line]), ...is.map((line): CodeLine => ['+', line])];
  if (was.length === 0 || is.length === 0 || Math.max(was.length, is.length) > MOST_DIFFERENT) return all();
  // 1: in the first list alone; -1: in the second alone.
  return diff(was, is).map(([of, line]): CodeLine => [of === 0 ? ' ' : of === 1 ? '-' : '+', line]);
}
