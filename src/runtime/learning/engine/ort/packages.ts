import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { env } from 'onnxruntime-common';
import { flError } from '../../../base/errors/errors.ts';
import { isThere } from '../../../base/files/is-there.ts';
import { PACKAGE_ROOT } from '../../../base/files/package-root.ts';

/** Packages of ONNX Runtime, and the file in each that Node.js loads. */
const ENTRIES = {
  'onnxruntime-node': 'dist/index.js',
  'onnxruntime-web': 'dist/ort.node.min.mjs',
} as const;
export type OrtPackage = keyof typeof ENTRIES;

/**
 * The packed neuroflare carries what Node.js loads of both: the packages are three times as large, and the install script of the native one
 * fetches from another host.
 */
const CARRIED = join(PACKAGE_ROOT, 'dist/vendor');

/**
 * The folder of a package of ONNX Runtime: an installed one of the right version, whose install script may have brought CUDA, else the carried one.
 * @throws NF_ENGINE_UNAVAILABLE
 */
export function ortFolder(name: OrtPackage): string {
  const folder = [installedFolder(name), join(CARRIED, name)].find((candidate) =>
    isComplete(candidate, name),
  );
  if (folder === undefined)
    throw flError('NF_ENGINE_UNAVAILABLE', {
      engine: 'ort',
      reason: `${name} ${env.versions.common} is not there.`,
      advice: 'Install neuroflare again.',
    });
  return folder;
}

/** URL of what to import. @throws NF_ENGINE_UNAVAILABLE */
export function ortEntry(name: OrtPackage): string {
  return pathToFileURL(join(ortFolder(name), ENTRIES[name])).href;
}

/** Found by a file, since not every package lets its package.json be resolved. */
function installedFolder(name: OrtPackage): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name)).find((folder) => isThere(folder));
}

function isComplete(folder: string | undefined, name: OrtPackage): folder is string {
  if (folder === undefined || !isThere(join(folder, ENTRIES[name]))) return false;
  const { version }: { version?: string } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return version === env.versions.common;
}
