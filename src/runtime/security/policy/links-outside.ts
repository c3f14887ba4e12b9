import { realpathSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { counted } from '../../base/text/counted.ts';

/** Entries of folders that are looked at. */
const MOST_ENTRIES = 50_000;
/** Links that are named. */
const MOST_NAMED = 3;
/** What git and DataLad keep there for themselves. */
const NOT_LOOKED_INTO = '.git';

/**
 * Links of a data set that lead out of it, in words for people; empty where there are none. Scripts are refused what lies behind them.
 *
 * @param data the data set's folder
 */
export async function linksOutside(data: string): Promise<string[]> {
  const root = await realpath(data);
  const found: string[] = [];
  const folders = [root];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined && entries < MOST_ENTRIES; folder = folders.pop()) {
    // What this user may not list is of no use to its scripts either.
    const listed = await readdir(folder, { withFileTypes: true }).catch(() => []);
    entries += listed.length;
    for (const entry of listed) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== NOT_LOOKED_INTO) folders.push(path);
      if (!entry.isSymbolicLink()) continue;
      const target = realOf(path);
      if (target !== undefined && !`${target}${sep}`.startsWith(root + sep))
        found.push(`${path.slice(root.length + 1)} leads to ${target}`);
    }
  }
  if (found.length === 0) return [];
  const named = found.slice(0, MOST_NAMED).concat(found.length > MOST_NAMED ? ['…'] : []);
  return [
    `scripts cannot read through ${counted(found.length, 'link')} that lead out of the data set ${data} (${named.join('; ')}): copy what they need into it, or give --data a folder that holds both`,
  ];
}

/** Undefined for a link that leads to nothing, as that of an annexed file which is not fetched. */
function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
