import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readOrSetAside } from '../../../base/files/record-file.ts';
import { taskFailure, taskResult } from '../../../network/messages/site.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { workRecord } from '../memory/work-record.ts';

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

const FORM = workRecord(outboxSchema, {
  what: 'An answer that the server had not acknowledged',
  mend: 'The task is done again; the damaged file is kept beside it.',
});

/** The answer that waits, if there is one; of one that cannot be used, why. */
export function readOutbox({ outbox: path }: SiteJobFolder) {
  return readOrSetAside(path, FORM);
}

export async function clearOutbox({ outbox: path }: SiteJobFolder): Promise<void> {
  await rm(path, { force: true });
}
