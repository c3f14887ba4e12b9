import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';

/** The folder that the running code is in. */
const CODE = fileURLToPath(new URL('../../../', import.meta.url));
/** Found where somebody has installed them, and in a clone: what is installed of neuroflare carries ONNX Runtime in its code. */
const BESIDE = ['@tensorflow/tfjs-node', 'onnxruntime-node', 'onnxruntime-web'];

interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

let known: readonly string[] | undefined;

/**
 * Files and folders of code that the process of a job reads: neuroflare's own, and the packages it needs. Not the whole folder in
 * which neuroflare lies: in a clone that is where people keep kits and data.
 */
export function readableCode(): readonly string[] {
  known ??= [CODE, join(PACKAGE_ROOT, 'package.json'), ...neededPackages()];
  return known;
}

/** Folders of packages, by the names under which they are found and by their real ones. */
function neededPackages(): string[] {
  const folders = new Set<string>();
  const seen = new Set<string>();
  const toRead = [PACKAGE_ROOT];
  for (let from = toRead.pop(); from !== undefined; from = toRead.pop()) {
    for (const name of needsOf(from)) {
      const found = packageAbove(from, name);
      if (found === undefined) continue;
      const real = realpathSync(found);
      folders.add(found).add(real);
      if (!seen.has(real)) toRead.push(real);
      seen.add(real);
    }
  }
  return [...folders];
}

function needsOf(folder: string): string[] {
  const text = readFileSync(join(folder, 'package.json'), 'utf8');
  const { dependencies, optionalDependencies, peerDependencies }: PackageJson = JSON.parse(text);
  const own = folder === PACKAGE_ROOT ? BESIDE : [];
  return [...Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }), ...own];
}

/** Where Node.js finds a package (https://nodejs.org/api/modules.html#loading-from-node_modules-folders). */
function packageAbove(from: string, name: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * Nothing of the site's own may lie where its scripts read: a kit holds keys, a work folder the jobs of others.
 * @throws NF_OPEN_TO_SCRIPTS
 */
export async function requireHidden(
  paths: Readonly<Record<string, string>>,
  data: string | undefined,
): Promise<void> {
  const readable = [...readableCode(), ...(data === undefined ? [] : [data])];
  const open = await Promise.all(readable.map(realOf));
  for (const [what, path] of Object.entries(paths)) {
    const real = await realOf(path);
    const folder = open.find((one) => `${real}${sep}`.startsWith(`${one}${sep}`));
    if (folder !== undefined) throw flError('NF_OPEN_TO_SCRIPTS', { what, path, folder });
  }
}

/** Without links, also of a path that is not there yet. */
async function realOf(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(() => undefined);
  if (real !== undefined || dirname(whole) === whole) return real ?? whole;
  return join(await realOf(dirname(whole)), whole.slice(dirname(whole).length));
}
