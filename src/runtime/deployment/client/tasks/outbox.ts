import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { partsOfTask, taskId, wordSchema } from '../../../algorithms/task.ts';
import { prettyJson } from '../../../base/digest.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readOrSetAside } from '../../../base/files/record-file.ts';
import { type AssignedTask, taskFailure, taskResult } from '../../../network/messages/site.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { workRecord } from '../memory/work-record.ts';
import { inputsDigest } from './site-task.ts';

/** Of the form of the outbox: the first had a round and one file in place of a task and named ones. */
const OUTBOX_VERSION = 2;

/** A finished task that the server has not acknowledged: sent again until it is, whatever happens to the client meanwhile. */
export const outboxSchema = z.strictObject({
  version: z.literal(OUTBOX_VERSION),
  /** What the task began with: the same id with other files would be another task. */
  inputs_sha256: z.string(),
  /** Its model among them. */
  model_sha256: z.string(),
  /** Of a private job: what was set apart for it in the privacy ledger. */
  reservation: z.int().min(1).exactOptional(),
  /** Digests of what of the answer stays here until it has masks, by name. */
  held: z.record(wordSchema, z.string()).exactOptional(),
  answer: z.union([
    z.strictObject({ result: taskResult, files: z.record(wordSchema, z.string()) }),
    z.strictObject({ failure: taskFailure }),
  ]),
});
export type Outbox = z.output<typeof outboxSchema>;

/** As version 0.1.0 wrote it. Only training answers brought a file. */
const firstSchema = z.looseObject({
  round: z.int(),
  model_sha256: z.string(),
  answer: z.union([
    z.looseObject({
      result: z.looseObject({ round: z.int(), update: z.unknown().optional() }),
      file: z.string().optional(),
    }),
    z.looseObject({ result: z.undefined().optional(), failure: z.looseObject({ round: z.int() }) }),
  ]),
});

/** An outbox of either form, read as one that answers the task at hand. */
function readerFor({ id, inputs }: AssignedTask) {
  return z.preprocess((value) => {
    const { success, data } = firstSchema.safeParse(value);
    if (!success || Object.hasOwn(data, 'version')) return value;
    const { round, model_sha256, answer } = data;
    const { name, site } = partsOfTask(id);
    const task = taskId({ name, round, site });
    const isSame = model_sha256 === inputs.model?.sha256;
    const before = {
      version: OUTBOX_VERSION,
      inputs_sha256: isSame ? inputsDigest(inputs) : '',
      model_sha256,
    };
    if (!answer.result) {
      const { round: _, ...failure } = answer.failure;
      return { ...before, answer: { failure: { task, ...failure } } };
    }
    const { round: _, update, ...result } = answer.result;
    const file = answer.file === undefined ? {} : { model: answer.file };
    const files = update === undefined ? {} : { model: update };
    return { ...before, answer: { result: { task, ...result, files }, files: file } };
  }, outboxSchema);
}

export async function writeOutbox({ outbox: path }: SiteJobFolder, outbox: Outbox): Promise<void> {
  await writeFileAtomic(path, prettyJson(outbox));
}

/** The answer that waits, if there is one; of one that cannot be used, why. @param task at hand */
export function readOutbox({ outbox: path }: SiteJobFolder, task: AssignedTask) {
  const form = workRecord(readerFor(task), {
    what: 'An answer that the server had not acknowledged',
    mend: 'The task is done again; the damaged file is kept beside it.',
  });
  return readOrSetAside(path, form);
}

export async function clearOutbox({ outbox: path }: SiteJobFolder): Promise<void> {
  await rm(path, { force: true });
}
