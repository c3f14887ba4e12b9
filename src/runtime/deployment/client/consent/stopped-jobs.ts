import { userInfo } from 'node:os';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { lockFolder } from '../../../base/files/lock.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import { jobId, time } from '../../../network/messages/shapes.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

const stoppedSchema = z.strictObject({
  stopped: z.array(
    z.strictObject({
      job_id: jobId,
      /** Told to the server. */
      reason: z.string(),
      /** Of whom the operating system says so. */
      by: z.string(),
      time,
    }),
  ),
});
type Stopped = z.output<typeof stoppedSchema>;

const FORM = {
  schema: stoppedSchema,
  damaged: (found: { path: string; reason: string }) =>
    flError('NF_STOPPED_INVALID', found, { place: { file: found.path } }),
};

/** Jobs that somebody at this site has stopped: they do not run here again. @throws NF_STOPPED_INVALID */
export async function readStopped({ stopped: path }: ClientFolder): Promise<Stopped> {
  return (await readRecord(path, FORM)) ?? { stopped: [] };
}

/** False if it was stopped before. Durable when it returns; a running client acts within a second. */
export function stopJob(folder: ClientFolder, job: string, reason: string): Promise<boolean> {
  return addStopped(folder, { job_id: job, reason, by: userInfo().username, time: new Date().toISOString() });
}

/** As `stopJob`, for one that was stopped before. */
export async function addStopped(folder: ClientFolder, one: Stopped['stopped'][number]): Promise<boolean> {
  const release = await lockFolder(`${folder.stopped}.lock`, 'The list of stopped jobs');
  try {
    const { stopped } = await readStopped(folder);
    if (stopped.some(({ job_id: id }) => id === one.job_id)) return false;
    await writeFileAtomic(folder.stopped, prettyJson({ stopped: [...stopped, one] }));
    return true;
  } finally {
    await release();
  }
}
