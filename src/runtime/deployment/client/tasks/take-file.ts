import { constants, createReadStream } from 'node:fs';
import { copyFile, lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileRule } from '../../../algorithms/task.ts';
import { flError } from '../../../base/errors/errors.ts';
import { clearFolder } from '../../../base/files/clear-folder.ts';
import { makeFolder, writeHashed } from '../../../base/files/files.ts';
import { TASK_LIMITS } from '../../../base/limits.ts';
import { requireCanonical } from '../../../base/tensors/check-file.ts';
import { requireFileForm, type TaskFile } from '../../../run/task-file.ts';
import type { KeptFile } from '../../../site/task-files.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';

/** Bytes copied at a time. */
const PART = 4 * 1024 * 1024;

/**
 * Takes a file of a script's answer: from here on it is one of the client's own, which is checked, hashed and sent. Returns its bytes.
 * @param from where the script has put it @param form what it must be
 * @throws NF_RESULT_INVALID, NF_PAYLOAD_*, NF_TENSORS_*
 */
export async function takeAnswerFile(
  from: string,
  to: string,
  form: Omit<TaskFile, 'path'>,
): Promise<number> {
  return withMoved(from, `${to}.moved`, async (moved, size) => {
    // What is no answer to the task is not copied, however large it is. A script leaves none of the arrays out, and packs none: its site does.
    const { packing: _, ...unpacked } = form.rule;
    const rule: FileRule = { ...unpacked, stays: [] };
    await requireFileForm({ ...form, rule, path: moved });
    if (form.name === 'model') await requireCanonical(moved, form.model);
    // By the system, which takes a third of the time that reading and writing do, or none where the disk shares blocks.
    await copyFile(moved, to, constants.COPYFILE_FICLONE);
    const copied = (await lstat(to)).size;
    if (copied === size) return size;
    await rm(to);
    throw flError('NF_RESULT_INVALID', { reason: 'its file changed while it was taken' });
  });
}

/**
 * Takes what a script keeps for its next round, durable when it returns, with its SHA-256, whatever the script says of it.
 * @throws NF_RESULT_INVALID for what is no file, or larger than TASK_LIMITS says: one that takes no room can have any size
 */
export async function takeState(from: string, folder: SiteJobFolder, signal: AbortSignal): Promise<KeptFile> {
  await makeFolder(folder.states);
  return withMoved(from, join(folder.states, 'moved'), async (moved, size) => {
    const { most } = TASK_LIMITS.state_bytes;
    if (size > most)
      throw flError('NF_RESULT_INVALID', {
        reason: `what it keeps for its next task has ${size} bytes, and ${most} are the most`,
      });
    const path = join(folder.states, 'copied');
    const sha256 = await writeHashed(path, async (append) => {
      if (size > 0) for await (const part of partsOf(moved, size, signal)) await append(part as Buffer);
    });
    return { path, sha256 };
  });
}

/** Gives what a site keeps its name; what has another is no longer there after a start. */
export async function keepState(path: string, folder: SiteJobFolder, name: string): Promise<void> {
  await rename(path, folder.state(name));
}

/** No more of it than it had: a script that holds it open can make it grow. */
function partsOf(path: string, size: number, signal: AbortSignal) {
  return createReadStream(path, { end: size - 1, highWaterMark: PART, signal });
}

/**
 * Moves a file out of the script's reach, and only then looks at it: a link in its place would have the client send what the script
 * may not read. What a script has open it can change after that, too; so the file is read once, and is gone afterwards.
 */
async function withMoved<Taken>(
  from: string,
  moved: string,
  take: (moved: string, size: number) => Promise<Taken>,
): Promise<Taken> {
  await rename(from, moved).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw flError('NF_RESULT_INVALID', { reason: 'its file is missing' }, { cause });
  });
  try {
    const found = await lstat(moved);
    if (found.isFile()) return await take(moved, found.size);
    throw flError('NF_RESULT_INVALID', { reason: 'what lies in the place of its file is no file' });
  } finally {
    await clearFolder(moved);
  }
}
