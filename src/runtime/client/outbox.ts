import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { prettyJson } from '../kernel/digest.ts';
import { taskFailure, taskResult } from '../wire/site.ts';
import { writeFileAtomic } from '../workspace/files.ts';
import type { SiteJobFolder } from './client-folder.ts';

/** A finished task that the server has not acknowledged: sent again until it is, whatever happens to the client meanwhile. */
const outboxSchema = z.strictObject({
  round: z.int(),
  /** What the task began with: the same round with another model would be another task. */
  model_sha256: z.string(),
  answer: z.union([
    z.strictObject({ result: taskResult, file: z.string().optional() }),
    z.strictObject({ failure: taskFailure }),
  ]),
});
export type Outbox = z.output<typeof outboxSchema>;

export async function writeOutbox({ outbox: path }: SiteJobFolder, outbox: Outbox): Promise<void> {
  await writeFileAtomic(path, prettyJson(outbox));
}

/** Undefined if there is none that can be used. */
export async function readOutbox({ outbox: path }: SiteJobFolder): Promise<Outbox | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return outboxSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function clearOutbox({ outbox: path }: SiteJobFolder): Promise<void> {
  await rm(path, { force: true });
}
