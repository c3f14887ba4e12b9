import { flError } from '../../base/errors/errors.ts';
import { carriedFile } from '../../base/files/carried-file.ts';

/** The script that draws volumes, all of NiiVue in one. @throws NF_VIEW_PACKAGE */
export function niivueFile(): string {
  const file = carriedFile('@niivue/niivue', 'dist/niivue.umd.js');
  if (file === undefined) throw flError('NF_VIEW_PACKAGE');
  return file;
}
