import { flError } from '../../../base/errors/errors.ts';
import { type Limit, USER_LIMITS } from '../../../base/limits.ts';
import { isFinished } from '../../../network/messages/admin.ts';
import type { JobRecord } from '../../store/server-store.ts';

type Kept = Pick<JobRecord, 'status' | 'submitter' | 'bundle'>;

/**
 * Whether a user may have one more job on the server.
 * @param jobs all that are there, of whomever
 * @param bytes of the new one's bundle
 * @throws NF_JOBS_FULL
 */
export function requireRoomForJob(
  name: string,
  { jobs, bytes }: { jobs: readonly Kept[]; bytes: number },
): void {
  const own = jobs.filter(({ submitter }) => submitter.name === name);
  const open = own.filter(({ status }) => !isFinished(status)).length;
  const { open_jobs: mostOpen, job_bytes: mostBytes } = USER_LIMITS;
  const refuse = ({ most, what }: Limit, count: number) =>
    flError('NF_JOBS_FULL', { name, count, limit: most, what });
  if (open + 1 > mostOpen.most) throw refuse(mostOpen, open);
  const all = own.reduce((sum, { bundle }) => sum + (bundle?.size ?? 0), 0);
  if (all + bytes > mostBytes.most) throw refuse(mostBytes, all);
}
