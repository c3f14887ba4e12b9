import type { ErrorCode } from '../../../base/errors/catalog.ts';
import type { JobStatus } from '../../../network/messages/admin.ts';

/** What an error of this process makes of a job; all others are EXECUTION_EXCEPTION. */
export const END_BY: Partial<Record<ErrorCode, JobStatus>> = {
  NF_JOB_ABORTED: 'FINISHED:ABORTED',
  NF_JOB_NOT_SCHEDULED: 'FINISHED:CAN_NOT_SCHEDULE',
};
