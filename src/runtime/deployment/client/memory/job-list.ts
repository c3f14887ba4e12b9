import { z } from 'zod';
import { flError, type NeuroflareError } from '../../../base/errors/errors.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import { sitePhase } from '../../../network/messages/site.ts';
import type { ClientFolder } from './client-folder.ts';

export const listedJobSchema = z.object({
  job_id: z.string(),
  name: z
    .string()
    .nullable()
    .describe('this and the next five as they were signed; null until the signature was checked'),
  submitter: z.string().nullable(),
  org: z.string().nullable(),
  study: z.string().nullable().default(null),
  submitted: z.string().nullable(),
  expires: z.string().nullable().default(null),
  phase: sitePhase,
  round: z.int().nullable(),
  code_sha256: z.string().nullable().describe('what is approved; null until it is here'),
  folder: z.string().describe('its files: the code is in bundle/'),
});

/** jobs.json: the jobs at a site, written by its client. */
const jobListSchema = z.object({ jobs: z.array(listedJobSchema) });
export type JobList = z.output<typeof jobListSchema>;

const FORM = {
  schema: jobListSchema,
  damaged: (found: { path: string; reason: string }) =>
    flError('NF_JOB_LIST_INVALID', found, { place: { file: found.path } }),
};

/** Of a client that runs and has none: it starts, or somebody has removed it. */
export function jobListMissing({ jobList: path }: ClientFolder): NeuroflareError {
  return FORM.damaged({ path, reason: 'it is not there' });
}

/** The jobs a client had when it last wrote them down; undefined where none has. @throws NF_JOB_LIST_INVALID */
export async function readJobList({ jobList }: ClientFolder): Promise<JobList | undefined> {
  return readRecord(jobList, FORM);
}
