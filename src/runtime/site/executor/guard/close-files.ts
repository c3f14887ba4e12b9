import fs from 'node:fs';
import module, { syncBuiltinESMExports } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { PACKAGE_ROOT } from '../../../base/files/package-root.ts';
import { closePaths } from './close-paths.ts';
import { denied } from './close-process.ts';
import { call, define, methodsOf, replace } from './lock.ts';
import { mayRead, textOf, withoutUps } from './real-path.ts';

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

/** Takes from `node:fs`, and from what looks for modules, what Node.js's permission model does not ask about. */
export async function closeFiles(): Promise<void> {
  const handle = await fs.promises.open(join(PACKAGE_ROOT, 'package.json'));
  const methods = methodsOf(handle);
  for (const key of Object.getOwnPropertySymbols(handle)) {
    const inner: unknown = Reflect.get(handle, key);
    if (typeof inner === 'object' && inner !== null && 'releaseFD' in inner) withoutMaking(methodsOf(inner));
  }
  await handle.close();
  replace(methods, OF_HANDLES, (name) => denied(`FileHandle.${name}`));
  replace(fs, CHANGING, (name) => denied(`fs.${name}`));
  replace(fs.promises, OF_PROMISES, (name) => denied(`fs.promises.${name}`));
  closeFolders();
  closePaths(methods);
  withoutMaking(methods);
  closeLook();
  syncBuiltinESMExports();
}

/** A folder that is made of a handle and another path goes on with that path, through links as well. */
function closeFolders(): void {
  define(fs.Dir.prototype, 'constructor', denied('fs.Dir'));
  replace(fs, ['Dir'], () => denied('fs.Dir'));
}

/** A handle that is made of any number would be that open file. */
function withoutMaking(methods: object): void {
  define(methods, 'constructor', denied('FileHandle'));
}

/** What `require` asks whether a file is there: for one that may not be read, it is not. */
function closeLook(): void {
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

/** The path as a whole text; undefined where it may not be read. */
function readable(path: unknown): string | undefined {
  const text = textOf(path);
  const plain = text === undefined ? undefined : absolute(withoutUps(text));
  return plain !== undefined && mayRead(plain, 'followed') ? plain : undefined;
}

const absolute = resolve;
const { endsWith } = String.prototype;
const PACKAGES = `${sep}node_modules`;

/** A folder in which packages lie, where `require` looks before it looks for the one it may read. */
function packagesFolder(path: unknown): string | undefined {
  return typeof path === 'string' && call(endsWith, path, [PACKAGES]) === true ? absolute(path) : undefined;
}
