import { lstat } from 'node:fs/promises';
import { readInput } from '../../base/files/read-file.ts';
import { pathInside } from '../../run/run-folder.ts';

/** https://www.w3.org/TR/png-3/#5PNG-file-signature */
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * Pictures of an evaluation by their names, as they go into a page that is shown around. The folder may be of somebody else's making: what is no
 * picture, lies elsewhere or is a link is left out, as one that is missing.
 * @param folder in which the evaluation lies
 */
export async function readOverlays(
  folder: string,
  names: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const overlays = new Map<string, Uint8Array>();
  for (const name of names) {
    const bytes = await pictureAt(folder, name).catch(() => undefined);
    if (bytes) overlays.set(name, bytes);
  }
  return overlays;
}

async function pictureAt(folder: string, name: string): Promise<Uint8Array | undefined> {
  const path = pathInside(folder, name);
  if (!(await lstat(path)).isFile()) return undefined;
  const bytes = await readInput(path);
  return PNG.equals(bytes.subarray(0, PNG.length)) ? bytes : undefined;
}
