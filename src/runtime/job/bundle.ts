import { lstat, mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { compareText } from '../kernel/compare-text.ts';
import { canonicalJson, sha256 } from '../kernel/digest.ts';
import { flError } from '../kernel/errors.ts';
import { writeFileAtomic } from '../workspace/files.ts';

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
}

const LIMITS = { files: 500, bytes: 20_000_000 } as const;
/** Not part of what runs: packages are resolved beside the job, the rest is for people and editors. */
const LEFT_OUT = /^(node_modules|tsconfig\.json|\..*|.*\.md)$/;

/** Reads a job folder whole; sorted by path. */
export async function readBundle(folder: string): Promise<Bundle> {
  const root = await realpath(folder);
  const files: BundleFile[] = [];
  let size = 0;
  for await (const path of walk(root, root)) {
    size += (await lstat(join(root, path))).size;
    if (files.length >= LIMITS.files) throw unusable(folder, `it holds more than ${LIMITS.files} files`);
    if (size > LIMITS.bytes) throw unusable(folder, `it holds more than ${LIMITS.bytes / 1_000_000} MB`);
    const bytes = await readFile(join(root, path));
    files.push({ path: path.split(sep).join('/'), bytes, sha256: sha256(bytes) });
  }
  files.sort((a, b) => compareText(a.path, b.path));
  return { files, sha256: sha256(canonicalJson(files.map(({ path, sha256: digest }) => [path, digest]))) };
}

/** Lays a bundle out in a new folder, durably: a run is held to it for as long as it lasts. */
export async function writeBundle(bundle: Bundle, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
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

function unusable(path: string, reason: string) {
  return flError('NF_JOB_BUNDLE', { reason }, { place: { file: path } });
}
