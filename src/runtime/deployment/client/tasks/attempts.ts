import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import { replaceFileSync } from '../../../base/files/files.ts';
import { readOrSetAside } from '../../../base/files/record-file.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { workRecord } from '../memory/work-record.ts';

/** attempts.json: how often a task was begun here and neither done nor failed nor taken back. */
const FORM = workRecord(z.strictObject({ task: z.string(), begun: z.int().min(1) }), {
  what: 'The count of how often a task was begun',
  mend: 'It is counted as begun once; the damaged file is kept beside it.',
});

/**
 * Counts one more beginning of a task, on disk before its process starts: a script that takes the client down with it is found out at the
 * next start. Returns how often it was begun, with this time.
 */
export async function beginAttempt(
  { attempts: path }: SiteJobFolder,
  task: string,
  onTrouble: (error: NeuroflareError) => void,
): Promise<number> {
  const { value: known, trouble } = await readOrSetAside(path, FORM);
  if (trouble) onTrouble(trouble);
  const before = known?.task === task ? known.begun : 0;
  const begun = (trouble ? 1 : before) + 1;
  replaceFileSync(path, JSON.stringify({ task, begun }));
  return begun;
}

/** The task came to an end, or was stopped in order. */
export async function endAttempts({ attempts: path }: SiteJobFolder): Promise<void> {
  await rm(path, { force: true });
}
