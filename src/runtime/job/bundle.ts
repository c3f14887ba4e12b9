import { lstat, mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { canonicalJson, sha256 } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { makeFolder, writeFileAtomic } from '../base/files/files.ts';
import type { Limit } from '../base/limits.ts';
import { codePoint } from '../base/text/code-point.ts';
import { compareText } from '../base/text/compare-text.ts';
import { JOB_LIMITS } from './limits.ts';

/** One file of a job: its path with forward slashes, and what it holds. */
export interface BundleFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** Everything of a job that decides what runs; documentation and editor files are left out. */
export interface Bundle {
  readonly files: readonly BundleFile[];
  /** Digest over the paths and contents. */
  readonly sha256: string;
  /** The same without job.yaml: the code, whose values may change without its being other code. */
  readonly codeSha256: string;
}

const LIMITS = { files: JOB_LIMITS.files.most, bytes: JOB_LIMITS.bytes.most } as const;
/** Name of the definition in a job's folder. */
export const JOB_FILE = 'job.yaml';
/**
 * One part of a path that means the same on every system: no separator, colon, control character, half of a surrogate pair or
 * trailing dot, and no device of Windows (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
 */
const PLAIN_NAME =
  /^(?!(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])(\.|$))[^<>:"/\\|?*\p{Cc}\p{Cs}]{0,254}[^<>:"/\\|?*\p{Cc}\p{Cs}. ]$/iu;
/** Shows as nothing, or turns around what is shown: two names look like one, or a name like another. */
const UNSEEN = /[\p{Cf}\p{Zl}\p{Zp}]/u;
/** Not part of what runs: packages are resolved beside the job, the rest is for people and editors. */
const LEFT_OUT = /^(node_modules|__pycache__|tsconfig\.json|\..*|.*\.md)$/;

/** Reads a job folder whole, but for a file that travels apart; sorted by path. */
export async function readBundle(
  folder: string,
  { apart }: { apart?: string | undefined } = {},
): Promise<Bundle> {
  const root = await realpath(folder);
  const without = apart === undefined ? undefined : relative(resolve(folder), apart);
  const files: BundleFile[] = [];
  let size = 0;
  for await (const path of walk(root, root)) {
    if (path === without) continue;
    size += (await lstat(join(root, path))).size;
    if (files.length >= LIMITS.files) throw unusable(folder, `it holds more than ${LIMITS.files} files`);
    if (size > LIMITS.bytes) throw await tooLarge(root);
    const bytes = await readFile(join(root, path));
    files.push({ path: path.split(sep).join('/'), bytes, sha256: sha256(bytes) });
  }
  return assemble(files);
}

/**
 * A bundle from files that came over a network. Paths must stay inside the folder, on every system.
 * @throws NF_JOB_BUNDLE
 */
export function bundleOf(given: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Bundle {
  requirePlainPaths(given.map(({ path }) => path));
  const size = given.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (given.length > LIMITS.files) throw unusable('', `it holds more than ${LIMITS.files} files`);
  if (size > LIMITS.bytes) throw unusable('', `it holds more than ${LIMITS.bytes / 1_000_000} MB`);
  if (!given.some(({ path }) => path === JOB_FILE)) throw unusable('', `it has no ${JOB_FILE}`);
  return assemble(given.map(({ path, bytes }) => ({ path, bytes, sha256: sha256(bytes) })));
}

/**
 * Paths inside the folder, that every system can hold and people can read, no two of them the same file on any system.
 * @throws NF_JOB_BUNDLE
 */
export function requirePlainPaths(paths: readonly string[]): void {
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/');
    const unseen = UNSEEN.exec(path)?.[0];
    if (unseen !== undefined)
      throw unusable(
        escaped(path),
        `'${escaped(path)}' has a character that is not seen, ${codePoint(unseen)}`,
      );
    requireLength(path, JOB_LIMITS.path);
    for (const part of parts) requireLength(part, JOB_LIMITS.name);
    if (!parts.every((part) => PLAIN_NAME.test(part) && !LEFT_OUT.test(part)))
      throw unusable(path, `'${path}' is no plain path inside a folder`);
    if (files.has(placeOf(path))) throw unusable(path, `'${path}' is there twice`);
    files.add(placeOf(path));
    for (let depth = 1; depth < parts.length; depth++) folders.add(placeOf(parts.slice(0, depth).join('/')));
  }
  const both = paths.find((path) => folders.has(placeOf(path)));
  if (both !== undefined) throw unusable(both, `'${both}' is a file and a folder`);
}

/** Systems count bytes where people count letters. */
function requireLength(name: string, { most, what }: Limit): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > most)
    throw unusable(
      name.slice(0, 40),
      `${what} has ${bytes} bytes, and ${most} are the most: '${name.slice(0, 40)}…'`,
    );
}

/** With what is not seen written as its code. */
function escaped(path: string): string {
  return path.replaceAll(new RegExp(UNSEEN, 'gu'), (letter) => `<${codePoint(letter)}>`);
}

/** Equal for paths that some system takes for one: of Windows by case, of macOS by the form of letters with accents, too. */
function placeOf(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

function assemble(unsorted: readonly BundleFile[]): Bundle {
  const files = [...unsorted].sort((a, b) => compareText(a.path, b.path));
  const digestOf = (some: readonly BundleFile[]) =>
    sha256(canonicalJson(some.map(({ path, sha256: digest }) => [path, digest])));
  const code = files.filter(({ path }) => path !== JOB_FILE);
  return { files, sha256: digestOf(files), codeSha256: digestOf(code) };
}

/** Lays a bundle out in a new folder, durably: a run is held to it for as long as it lasts. */
export async function writeBundle(bundle: Bundle, folder: string): Promise<void> {
  await makeFolder(dirname(folder));
  await mkdir(folder);
  for (const { path, bytes } of bundle.files) await writeFileAtomic(join(folder, path), bytes);
}

async function* walk(folder: string, root: string): AsyncGenerator<string> {
  for (const name of (await readdir(folder)).sort()) {
    if (LEFT_OUT.test(name)) continue;
    const path = join(folder, name);
    const found = await lstat(path);
    if (found.isDirectory()) yield* walk(path, root);
    else if (found.isFile()) yield relative(root, path);
    else
      throw unusable(
        path,
        found.isSymbolicLink() ? `${name} is a symbolic link` : `${name} is not a regular file`,
      );
  }
}

/** With the file that is at fault, most likely a model or data. */
async function tooLarge(root: string) {
  let largest = { path: '', bytes: 0 };
  for await (const path of walk(root, root)) {
    const { size: bytes } = await lstat(join(root, path));
    if (bytes > largest.bytes) largest = { path, bytes };
  }
  const size = (largest.bytes / 1_000_000).toFixed(1);
  const reason = `it holds more than ${LIMITS.bytes / 1_000_000} MB; its largest file is ${largest.path} with ${size} MB`;
  return unusable(join(root, largest.path), reason);
}

function unusable(path: string, reason: string) {
  return flError('NF_JOB_BUNDLE', { reason }, { place: { file: path } });
}
