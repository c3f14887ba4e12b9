import { cpSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { TENSORFLOW_PACKAGES } from '../../src/runtime/learning/engine/eager/tensorflow-package.ts';

const root = join(import.meta.dirname, '../..');

/** Where the installed package lies; undefined where optional packages were left out. */
export const INSTALLED_PACKAGE = findInstalled();

/** A bare copy of the installed package in `parent`, which finds the same dependencies: tests never touch the original. */
export function copyPackage(parent: string): string {
  if (INSTALLED_PACKAGE === undefined) throw new Error(`needs ${TENSORFLOW_PACKAGES[0]}`);
  const native = new Set(['deps', 'lib', 'build'].map((name) => join(INSTALLED_PACKAGE ?? '', name)));
  const folder = join(parent, basename(INSTALLED_PACKAGE));
  cpSync(INSTALLED_PACKAGE, folder, { recursive: true, filter: (path) => !native.has(path) });
  symlinkSync(join(root, 'node_modules'), join(parent, 'node_modules'), 'junction');
  return folder;
}

function findInstalled(): string | undefined {
  try {
    const manifest = `${TENSORFLOW_PACKAGES[0]}/package.json`;
    return dirname(createRequire(join(root, 'package.json')).resolve(manifest));
  } catch {
    return undefined;
  }
}
