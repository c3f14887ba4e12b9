import { describe, expect, it } from 'vitest';
import { USER_LIMITS } from '../../../../../src/runtime/base/limits.ts';
import { requireRoomForJob } from '../../../../../src/runtime/deployment/server/jobs/user-jobs.ts';
import type { JobStatus } from '../../../../../src/runtime/network/messages/admin.ts';

const jobs = (count: number, { name = 'lea', status = 'SUBMITTED' as JobStatus, size = 1000 } = {}) =>
  Array.from({ length: count }, () => ({
    status,
    submitter: { name, org: 'uni', role: undefined },
    bundle: { sha256: 'a'.repeat(64), size },
  }));
const { open_jobs: open, job_bytes: bytes } = USER_LIMITS;
const full = expect.objectContaining({ code: 'NF_JOBS_FULL' });

describe('the jobs of a user', () => {
  it('that are not over are no more than the limit; those of others and those that are over do not count', () => {
    const others = [
      ...jobs(open.most, { name: 'leo' }),
      ...jobs(open.most, { status: 'FINISHED:COMPLETED' }),
    ];
    requireRoomForJob('lea', { jobs: [...others, ...jobs(open.most - 1)], bytes: 1 });
    expect(() => requireRoomForJob('lea', { jobs: [...others, ...jobs(open.most)], bytes: 1 })).toThrow(full);
  });

  it('have no more bytes together than the limit, also those that are over', () => {
    const size = bytes.most / 10;
    const kept = jobs(9, { status: 'FINISHED:ABORTED', size });
    requireRoomForJob('lea', { jobs: kept, bytes: size });
    expect(() => requireRoomForJob('lea', { jobs: kept, bytes: size + 1 })).toThrow(full);
  });
});
