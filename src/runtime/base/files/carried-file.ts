import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isThere } from './is-there.ts';
import { PACKAGE_ROOT } from './package-root.ts';

/** A file of another package that pages load: that which this package carries, in a clone the installed one. */
export function carriedFile(name: string, file: string): string | undefined {
  const installed = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const folders = [join(PACKAGE_ROOT, 'dist/vendor'), ...installed];
  return folders.map((folder) => join(folder, name, file)).find(isThere);
}
