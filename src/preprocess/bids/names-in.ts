import { readdir } from 'node:fs/promises';

/** What a folder holds, sorted; nothing where there is none. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
