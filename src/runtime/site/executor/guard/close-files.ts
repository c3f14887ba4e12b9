import fs from 'node:fs';
import module, { syncBuiltinESMExports } from 'node:module';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { denied } from './close-process.ts';
import { call, define, methodsOf, replace } from './lock.ts';

/**
 * Of files: what changes them by their numbers, for which Node.js 22 asks nobody, and the one way to copy that runs in native code and
 * asks only for the folder's name. It makes links as they are, and a link of a script's own leads wherever it points, also for writing.
 */
const CHANGING = [
  'cpSync',
  ...['fchmod', 'fchmodSync', 'fchown', 'fchownSync', 'futimes', 'futimesSync'],
  ...['lchmod', 'lchmodSync', 'lchown', 'lchownSync', 'lutimes', 'lutimesSync'],
  ...['symlink', 'symlinkSync', 'link', 'linkSync'],
];
const OF_PROMISES = ['lchmod', 'lchown', 'lutimes', 'symlink', 'link'];
const OF_HANDLES = ['chmod', 'chown', 'utimes'];
/** What the module system is told of a path that is not there: its number of ENOENT. */
const NOT_THERE = -2;

/** The path as a text of its own, which cannot change after it was looked at; undefined where it may not be read. */
type Readable = (path: unknown) => string | undefined;
type Real = ((path: unknown, ...given: unknown[]) => unknown) & { native: unknown };

/** Takes from `node:fs`, and from what looks for modules, what Node.js's permission model does not ask about. */
export async function closeFiles(): Promise<void> {
  const handle = await fs.promises.open(fileURLToPath(import.meta.url));
  const methods = methodsOf(handle);
  await handle.close();
  replace(methods, OF_HANDLES, (name) => denied(`FileHandle.${name}`));
  replace(fs, CHANGING, (name) => denied(`fs.${name}`));
  replace(fs.promises, OF_PROMISES, (name) => denied(`fs.promises.${name}`));
  const readable = readableNow();
  define(fs, 'realpathSync', askingFirst(fs.realpathSync as unknown as Real, readable));
  define(fs, 'realpath', askingFirst(fs.realpath as unknown as Real, readable));
  const { realpath } = fs.promises;
  define(fs.promises, 'realpath', async (path: unknown, ...given: unknown[]) =>
    call(realpath, fs.promises, [readable(path) ?? denied('fs.promises.realpath')(), ...given]),
  );
  closeLook(readable);
  syncBuiltinESMExports();
}

/** The real path of a file, native or not, tells whether it is there. */
function askingFirst(real: Real, readable: Readable): unknown {
  const asking = (plain: unknown) =>
    function (this: unknown, path: unknown, ...given: unknown[]) {
      return call(plain, this, [readable(path) ?? denied('fs.realpath')(), ...given]);
    };
  const asked = asking(real);
  define(asked, 'native', asking(real.native));
  return asked;
}

/** What `require` asks whether a file is there: for one that may not be read, it is not. */
function closeLook(readable: Readable): void {
  const owner: { _stat?: unknown } = module as object;
  const { _stat: look } = owner;
  if (typeof look !== 'function') return;
  const { emitWarning } = process;
  // Node.js tells that this way is experimental, and would tell every script.
  process.emitWarning = () => undefined;
  try {
    owner._stat = (path: unknown) => {
      const whole = readable(path) ?? packagesFolder(path);
      return whole === undefined ? NOT_THERE : call(look, owner, [whole]);
    };
  } finally {
    process.emitWarning = emitWarning;
  }
  define(owner, '_stat', owner._stat);
}

/** Asks the permission model, with functions that a script cannot exchange. */
function readableNow(): Readable {
  const { permission } = process as { permission?: NodeJS.ProcessPermission };
  if (!permission) return pathOf;
  const { has } = permission;
  return (path) => {
    const whole = pathOf(path);
    return whole !== undefined && call(has, permission, ['fs.read', whole]) === true ? whole : undefined;
  };
}

const absolute = resolve;
const { endsWith } = String.prototype;
const PACKAGES = `${sep}node_modules`;

/** A folder in which packages lie, where `require` looks before it looks for the one it may read. */
function packagesFolder(path: unknown): string | undefined {
  return typeof path === 'string' && call(endsWith, path, [PACKAGES]) === true ? absolute(path) : undefined;
}

const toPath = fileURLToPath;
const { isBuffer } = Buffer;
const { toString: textOf } = Buffer.prototype;

function pathOf(path: unknown): string | undefined {
  if (typeof path === 'string') return absolute(path);
  if (isBuffer(path)) return absolute(String(call(textOf, path, [])));
  return path instanceof URL ? toPath(path) : undefined;
}
