import { createRequire } from 'node:module';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { isThere } from '../../base/files/is-there.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';

const PACKAGE = '@niivue/niivue';
/** All of NiiVue in one script, which a page takes as it is. */
const SCRIPT = 'dist/niivue.umd.js';

/** The script that draws volumes: that which this package carries, in a clone the installed one. @throws NF_VIEW_PACKAGE */
export function niivueFile(): string {
  const installed = createRequire(import.meta.url).resolve.paths(PACKAGE) ?? [];
  const folders = [join(PACKAGE_ROOT, 'dist/vendor'), ...installed];
  const file = folders.map((folder) => join(folder, PACKAGE, SCRIPT)).find(isThere);
  if (file === undefined) throw flError('NF_VIEW_PACKAGE');
  return file;
}
