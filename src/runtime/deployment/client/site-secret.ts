import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../base/files/files.ts';
import { counted } from '../../base/text/counted.ts';
import { workFileFault } from './memory/work-record.ts';

const BYTES = 32;

/** What only this site knows, from which its filters draw: made when it is asked for the first time, and the same from then on. */
export async function siteSecret(path: string): Promise<Uint8Array> {
  const known = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (known?.length === BYTES) return known;
  if (known)
    throw workFileFault({
      what: "The secret of this site's filters",
      path,
      reason: `it has ${counted(known.length, 'byte')}, not ${BYTES}`,
      mend: 'Bring it back from a copy, or take it away: another one is made then, and what filters draw from it is another.',
    });
  const made = randomBytes(BYTES);
  await writeFileAtomic(path, made, { mode: 0o600 });
  return made;
}
