import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { isThere } from '../../../base/files/is-there.ts';

/** One of TensorFlow's packages for Node.js, wherever it lies. */
export interface TensorflowPackage {
  readonly name: string;
  /** Undefined if it is not installed. */
  readonly folder: string | undefined;
}

/** In the order in which they are tried. */
export const TENSORFLOW_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
/** Names a folder with one of these packages, to be used instead of the installed ones. */
export const TENSORFLOW_DIR = 'NEUROFLARE_TENSORFLOW_DIR';

const BINDING = 'tfjs_binding.node';

export function findTensorflowPackages(): TensorflowPackage[] {
  const named = process.env[TENSORFLOW_DIR];
  if (named) return [namedPackage(resolve(named))];
  return TENSORFLOW_PACKAGES.map((name) => ({ name, folder: installedFolder(name) }));
}

/**
 * Whether a package has its native library. Packages lie without it where install scripts are not run; importing one
 * then fails as well, but only after loading all of TensorFlow.js, in every thread that looks for an engine.
 */
export function hasBinding(folder: string): boolean {
  const builds = join(folder, 'lib');
  return isThere(builds) && readdirSync(builds).some((build) => isThere(join(builds, build, BINDING)));
}

function installedFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function namedPackage(folder: string): TensorflowPackage {
  try {
    const { name }: { name: string } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { name, folder };
  } catch {
    return { name: `The package in ${folder}`, folder: undefined };
  }
}
