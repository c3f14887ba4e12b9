import { toNeuroflareError } from '../../base/errors/errors.ts';
import { isFinished, type JobMeta } from '../../network/messages/admin.ts';
import type { Admin } from './admin.ts';

/** Finished jobs that ended longer ago than `age` milliseconds by the server's clock, oldest first. */
export async function jobsEndedBefore(
  admin: Admin,
  age: number,
): Promise<{ before: Date; jobs: readonly JobMeta[] }> {
  const { server } = await admin.status();
  const before = new Date(Date.parse(server.time) - age);
  const jobs = await admin.jobs({});
  const isOld = ({ status, ended }: JobMeta) =>
    isFinished(status) && ended !== null && Date.parse(ended) < before.getTime();
  return { before, jobs: jobs.filter(isOld) };
}

/** Others' jobs that one may see and not remove stay. */
export async function removeJobs(
  admin: Admin,
  jobs: readonly JobMeta[],
): Promise<{ removed: string[]; kept: string[] }> {
  const removed: string[] = [];
  const kept: string[] = [];
  for (const { job_id: id } of jobs) {
    const isGone = await admin.delete(id).then(
      () => true,
      (thrown: unknown) => {
        const error = toNeuroflareError(thrown);
        if (error.code === 'NF_ACCESS_DENIED') return false;
        // Somebody else was faster.
        if (error.code === 'NF_JOB_UNKNOWN') return true;
        throw error;
      },
    );
    (isGone ? removed : kept).push(id);
  }
  return { removed, kept };
}
