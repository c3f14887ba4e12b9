import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { call } from './lock.ts';

/**
 * Where the system finds a path. Node.js's permission model takes `..` out of a path as text and looks at no link; the system follows
 * links first. So a link in the data leads out of what a script may read, and with `..` behind it to any place.
 */

/** Which end of a path is meant: what a link there leads to, or the link itself. */
export type End = 'followed' | 'itself';

const { permission } = process as { permission?: NodeJS.ProcessPermission };
const has = permission?.has;
const { native } = realpathSync;
const { isUint8Array } = types;
const { charCodeAt, slice } = String.prototype;
const { decode } = TextDecoder.prototype;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const FileUrl = URL;
const toPath = fileURLToPath;
/** A script may put another function in the place of `process.cwd`; the folder itself it cannot change. */
const home = process.cwd();
const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;

/** A path as a text of its own, which cannot change after it was looked at; undefined for what is no path. */
export function textOf(path: unknown): string | undefined {
  if (typeof path === 'string') return path;
  if ((typeof path !== 'object' && typeof path !== 'function') || path === null) return undefined;
  if (isUint8Array(path)) return call(decode, decoder, [path]) as string;
  // Node.js takes whatever looks like a URL.
  const { href } = path as { href?: unknown };
  return typeof href === 'string' ? toPath(new FileUrl(href)) : undefined;
}

/** The text as it is, or, where it holds `..`, the whole path that the system means by it. */
export function withoutUps(text: string): string {
  let at = '';
  let from = 0;
  for (let start = 0; start < text.length; ) {
    let end = start;
    while (end < text.length && !isSeparator(code(text, end))) end++;
    if (isUp(text, start, end)) {
      at = dirname(realOf(joined(at, cut(text, from, start)), 'followed'));
      from = end + 1;
    }
    start = end + 1;
  }
  return from === 0 ? text : joined(at, cut(text, from, text.length));
}

/** Whether a script may read what lies at a path without `..`, by the path and by where its links lead. */
export function mayRead(path: string, end: End): boolean {
  const whole = resolve(home, path);
  return isGranted(whole) && isGranted(realOf(whole, end));
}

function isGranted(path: string): boolean {
  return permission === undefined || call(has, permission, ['fs.read', path]) === true;
}

/** Without links, as far as there is something. */
function realOf(path: string, end: End): string {
  const parent = dirname(path);
  if (parent === path) return path;
  if (end === 'itself') return join(realOf(parent, 'followed'), basename(path));
  try {
    return native(path);
  } catch {
    return join(realOf(parent, 'followed'), basename(path));
  }
}

function joined(folder: string, rest: string): string {
  // A rest that begins with a separator is still below the folder.
  return folder === '' ? resolve(home, rest) : join(folder, rest);
}

function isUp(text: string, start: number, end: number): boolean {
  return end - start === 2 && code(text, start) === DOT && code(text, start + 1) === DOT;
}

function isSeparator(character: number): boolean {
  return character === SLASH || (sep === '\\' && character === BACKSLASH);
}

function code(text: string, at: number): number {
  return call(charCodeAt, text, [at]) as number;
}

function cut(text: string, from: number, to: number): string {
  return call(slice, text, [from, to]) as string;
}
