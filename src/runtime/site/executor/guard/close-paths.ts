import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { denied } from './close-process.ts';
import { bare, call, define, own } from './lock.ts';
import { type End, mayRead, textOf, withoutUps } from './real-path.ts';

/** Functions of `node:fs` that take paths, by their names without `Sync`: which end of each path is meant. */
const TAKING: Readonly<Record<string, readonly End[]>> = {
  ...all('access appendFile chmod chown exists open openAsBlob opendir readFile readdir realpath', [
    'followed',
  ]),
  ...all('stat statfs truncate unwatchFile utimes watch watchFile writeFile', ['followed']),
  ...all('lstat lutimes mkdir mkdtemp mkdtempDisposable readlink rm rmdir unlink', ['itself']),
  ...all('copyFile cp', ['followed', 'followed']),
  ...all('rename', ['itself', 'itself']),
};
/** Those that take numbers of open files, and those that hand every path on to the functions above. */
const WITHOUT = new Set(
  (
    'close fdatasync fstat fsync ftruncate read readv write writev createReadStream createWriteStream glob ' +
    'Dirent Stats Dir ReadStream WriteStream FileReadStream FileWriteStream Utf8Stream _toUnixTimestamp'
  ).split(' '),
);
/** The name of a temporary folder is what is given and so many letters more. */
const MORE = 'XXXXXX';
const OF_HANDLES = ['readFile', 'writeFile', 'appendFile'];

type Holder = Record<string, unknown>;
type Work = (...given: unknown[]) => unknown;

const { add, has } = WeakSet.prototype;
const { nextTick } = process;
const { slice } = String.prototype;
const Later = Promise;
const Refusal = Error;
const handles = new WeakSet();

/**
 * Lets a script reach a file only where the system, which follows links, finds what the permission model, which does not, has granted. A
 * function that a later Node.js adds is taken away until it is known here.
 *
 * @param ofHandle the methods of files that were opened by `node:fs/promises`
 */
export function closePaths(ofHandle: object): void {
  const files = fs as unknown as Holder;
  const promises = fs.promises as unknown as Holder;
  wrapAll(files, (way) => (way.name.endsWith('Sync') ? now(way) : later(way)));
  wrapAll(promises, promised);
  for (const name of OF_HANDLES) {
    const byPath = promises[name] as Work;
    const byHandle = Reflect.get(ofHandle, name) as Work;
    put(promises, name, (...given: unknown[]) =>
      isHandle(given[0]) ? call(byHandle, given[0], without(given)) : call(byPath, promises, given),
    );
  }
}

/** A function that takes paths. */
interface Way {
  readonly name: string;
  readonly work: Work;
  readonly ends: readonly End[];
  /** The beginning of a path is given. */
  readonly isPrefix: boolean;
  readonly isListing: boolean;
}

function wrapAll(holder: Holder, wrap: (way: Way) => Work): void {
  for (const [name, { value, configurable }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
    const kind = name.replace(/Sync$/, '');
    // What is not to be changed was taken away before.
    if (typeof value !== 'function' || configurable !== true || WITHOUT.has(kind)) continue;
    const ends = TAKING[kind];
    const of = { isPrefix: kind.startsWith('mkdtemp'), isListing: kind === 'readdir' };
    put(holder, name, ends ? wrap({ name, work: value as Work, ends, ...of }) : denied(`fs.${name}`));
  }
}

function now(way: Way): Work {
  const closed: Work = (...given) => {
    const taken = takePaths(way, given);
    const result = call(way.work, fs, given);
    return taken.isDeep ? reachable(taken.path, result) : result;
  };
  return withNative(closed, way, now);
}

/** Those that call back; of the others (`watch`, `openAsBlob`) the error is thrown. */
function later(way: Way): Work {
  const closed: Work = (...given) => {
    const last = given.length - 1;
    const done = given[last];
    let taken: Taken;
    try {
      taken = takePaths(way, given);
    } catch (error) {
      if (typeof done !== 'function' || last < way.ends.length) throw error;
      return nextTick(done as Work, way.name === 'exists' ? false : error);
    }
    if (taken.isDeep && typeof done === 'function')
      given[last] = (error: unknown, found: unknown) =>
        call(done, undefined, [error, error ? found : reachable(taken.path, found)]);
    return call(way.work, fs, given);
  };
  if (way.name === 'exists')
    define(closed, promisify.custom, (path: unknown) => new Later((resolve) => closed(path, resolve)));
  return withNative(closed, way, later);
}

function promised(way: Way): Work {
  return (...given) => {
    let taken: Taken;
    try {
      taken = takePaths(way, given);
    } catch (error) {
      if (way.name === 'watch') throw error;
      return new Later((_, reject) => reject(error));
    }
    const result = call(way.work, fs.promises, given);
    if (way.name === 'open') return noted(result);
    return taken.isDeep ? filtered(taken.path, result) : result;
  };
}

async function noted(opening: unknown): Promise<unknown> {
  const handle = await opening;
  call(add, handles, [handle]);
  return handle;
}

async function filtered(path: string, reading: unknown): Promise<unknown> {
  return reachable(path, await reading);
}

function isHandle(file: unknown): boolean {
  return typeof file === 'object' && file !== null && call(has, handles, [file]) === true;
}

function withNative(closed: Work, way: Way, wrap: (way: Way) => Work): Work {
  const native: unknown = Reflect.get(way.work, 'native');
  if (typeof native === 'function') define(closed, 'native', wrap({ ...way, work: native as Work }));
  return closed;
}

/** All but the first. */
function without(given: readonly unknown[]): unknown[] {
  const rest: unknown[] = [];
  for (let at = 1; at < given.length; at++) own(rest, at - 1, given[at]);
  return rest;
}

interface Taken {
  readonly path: string;
  /** All below a folder is read, through links as well. */
  readonly isDeep: boolean;
}

/** Puts in the place of each path the text that was looked at. */
function takePaths({ ends, isPrefix, isListing }: Way, given: unknown[]): Taken {
  let first = '';
  for (let at = 0; at < ends.length; at++) {
    const path = given[at];
    const text = textOf(path);
    // Numbers of open files; for all else Node.js says what is wrong with it.
    if (text === undefined) {
      if (typeof path === 'object' || typeof path === 'function') given[at] = null;
      continue;
    }
    const plain = withoutUps(isPrefix ? text + MORE : text);
    if (!mayRead(plain, ends[at] ?? 'followed')) throw notGranted(text);
    given[at] = isPrefix ? call(slice, plain, [0, -MORE.length]) : plain;
    if (at === 0) first = plain;
  }
  return { path: first, isDeep: isListing && settleListing(given) };
}

/** Fixes what was asked for, which is looked at once. Returns whether it goes deep. */
function settleListing(given: unknown[]): boolean {
  const asked = given[1];
  if (typeof asked !== 'object' || asked === null) return false;
  const { encoding, withFileTypes, recursive } = asked as Holder;
  const settled = bare();
  settled.encoding = encoding;
  settled.withFileTypes = withFileTypes;
  settled.recursive = recursive;
  given[1] = settled;
  return recursive === true;
}

/** Of the entries below a folder those in folders that may be read: Node.js lists what links lead to. */
function reachable(path: string, entries: unknown): unknown {
  const kept: unknown[] = [];
  const known = bare();
  for (let at = 0; at < (entries as unknown[]).length; at++) {
    const entry = (entries as unknown[])[at];
    const folder = folderOf(path, entry);
    known[folder] ??= mayRead(folder, 'followed');
    if (known[folder] === true) own(kept, kept.length, entry);
  }
  return kept;
}

function folderOf(path: string, entry: unknown): string {
  const { parentPath } = entry as { parentPath?: unknown };
  return typeof parentPath === 'string' ? parentPath : dirname(join(path, textOf(entry) ?? ''));
}

/** As Node.js's permission model refuses. */
function notGranted(resource: string): Error {
  const message = 'Access to this API has been restricted. Use --allow-fs-read to manage permissions.';
  const error = new Refusal(message);
  define(error, 'code', 'ERR_ACCESS_DENIED');
  define(error, 'permission', 'FileSystemRead');
  define(error, 'resource', resource);
  return error;
}

/** As it was, so that packages which put functions of their own there still can. */
function put(holder: object, name: string, value: Work): void {
  Object.defineProperty(holder, name, { ...Object.getOwnPropertyDescriptor(holder, name), value });
}

function all(names: string, ends: readonly End[]): Record<string, readonly End[]> {
  return Object.fromEntries(names.split(' ').map((name) => [name, ends]));
}
