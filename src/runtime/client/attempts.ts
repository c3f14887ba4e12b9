import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { parseJson } from '../kernel/parse-json.ts';
import { putFile } from '../workspace/files.ts';
import type { SiteJobFolder } from './client-folder.ts';

/** attempts.json: how often a task was begun here and neither done nor failed nor taken back. */
const schema = z.strictObject({ task: z.string(), begun: z.int().min(1) });

/**
 * Counts one more beginning of a task, on disk before its process starts: a script that takes the client down with it is found out at the
 * next start. Returns how often it was begun, with this time.
 */
export async function beginAttempt({ attempts: path }: SiteJobFolder, task: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const known = schema.safeParse(parseJson(text)).data;
  const begun = (known?.task === task ? known.begun : 0) + 1;
  await putFile(path, JSON.stringify({ task, begun }));
  return begun;
}

/** The task came to an end, or was stopped in order. */
export async function endAttempts({ attempts: path }: SiteJobFolder): Promise<void> {
  await rm(path, { force: true });
}
