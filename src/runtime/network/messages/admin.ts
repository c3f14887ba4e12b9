import { z } from 'zod';
import {
  blobRef,
  digest,
  errorReport,
  identity,
  jobId,
  logLevel,
  name,
  packedBundle,
  signatureSchema,
  time,
} from './shapes.ts';
import { sitePhase, siteResources } from './site.ts';
import { jobTerms } from './terms.ts';

/** What admins and the server say to each other. */

/** nvflare's words for what becomes of a job. */
export const jobStatus = z.enum([
  'SUBMITTED',
  'DISPATCHED',
  'RUNNING',
  'FINISHED:COMPLETED',
  'FINISHED:ABORTED',
  'FINISHED:EXECUTION_EXCEPTION',
  'FINISHED:CAN_NOT_SCHEDULE',
]);
export type JobStatus = z.output<typeof jobStatus>;

export function isFinished(status: JobStatus): boolean {
  return status.startsWith('FINISHED:');
}

/** POST /v1/jobs */
export const submission = z.strictObject({
  terms: jobTerms.describe(
    'what is signed; the id is chosen by the submitter: the job cannot be run again under another',
  ),
  bundle: packedBundle,
  signature: signatureSchema,
  token: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('the same token and job again: the first submission answers'),
  cloned_from: jobId.optional(),
  initial_model: blobRef.optional().describe('model of round 0, uploaded before'),
});
/** POST /v1/jobs/:job/resume: the terms of the job with another time, and with its next `resume`. */
export const resumption = z.strictObject({ terms: jobTerms, signature: signatureSchema });

export const submitted = z.strictObject({ job_id: jobId, is_new: z.boolean() });

const siteOfJob = z.object({
  site: name,
  answer: z.enum(['offered', 'accepted', 'refused', 'waiting for approval']),
  reason: errorReport.optional(),
  trouble: errorReport.optional().describe('what of its machine keeps it from going on'),
  connected: z.boolean(),
  phase: sitePhase.optional(),
  rounds: z.int().optional().describe('of training that its results are in'),
  since: time.optional().describe('since when it is lost, or waited for'),
  progress: z.object({ done: z.number(), total: z.number() }).optional().describe('of its task'),
});

/** What a job waits for. */
export const waiting = z.object({
  what: z.string().describe('in a sentence'),
  round: z.int().optional(),
  sites: z.array(name),
  since: time,
  rule: z.string(),
  ends: time.optional().describe('when the rule ends the round'),
});
export type WaitingFor = z.output<typeof waiting>;

export const jobMeta = z.object({
  job_id: jobId,
  name,
  study: name,
  status: jobStatus,
  submitter: identity,
  submitted: time,
  started: time.nullable(),
  ended: time.nullable(),
  seconds: z.number().nullable().describe('from start to end, or until now'),
  num_rounds: z.int(),
  round: z.int().describe('closed so far'),
  min_clients: z.int().nullable(),
  metric: z.string(),
  best: z.object({ model: z.int(), value: z.number() }).nullable(),
  sites: z.array(siteOfJob),
  waiting: waiting.nullable(),
  error: errorReport.nullable().describe('what ended it'),
  first_failure: z
    .object({ site: name, round: z.int(), error: errorReport })
    .nullable()
    .describe('of any site'),
  cloned_from: jobId.nullable(),
  resumed: z
    .array(
      z.object({
        time,
        by: name,
        round: z.int().describe('closed before'),
        ended_by: z.string().nullable().describe('code of what had ended it'),
      }),
    )
    .optional()
    .describe('when it went on after it had ended'),
  initial_model: blobRef.nullable().describe('of round 0, where it was sent apart from the files'),
  bundle_sha256: digest,
  code_sha256: digest,
  note: z.string().optional().describe('what of its record cannot be read'),
});
export type JobMeta = z.output<typeof jobMeta>;

/** GET /v1/jobs/:job/events */
export const jobEvents = z.object({
  events: z.array(z.object({ seq: z.int(), time, event: z.looseObject({ type: z.string() }) })),
  next: z.int().describe('to ask after'),
  meta: jobMeta,
});

export type JobEvents = z.output<typeof jobEvents>;

export const jobFiles = z.object({
  files: z.array(z.object({ path: z.string(), size: z.int(), sha256: digest })),
  damaged: z
    .array(z.object({ path: z.string(), reason: z.string() }))
    .default([])
    .describe('what is not as the server wrote it, and is not among the files'),
});

export const logEntries = z.object({
  lines: z.array(
    z.object({
      site: name,
      time: time.describe("by the server's clock: when it happened, or when the line of a site came"),
      site_time: time.optional().describe("by the site's clock"),
      level: logLevel,
      text: z.string(),
    }),
  ),
  missing: z
    .array(z.object({ site: name, reason: z.string() }))
    .describe('sites whose logs are not here, and why'),
  cut: z.literal(true).optional().describe('older lines are left out, for the size of the answer'),
});

export type LogEntries = z.output<typeof logEntries>;

const taskStats = z.object({
  site: name,
  phase: sitePhase.optional(),
  round: z.int().optional(),
  bytes_in: z.int().describe('of updates received'),
  bytes_out: z.int().describe('of models and code sent'),
  results: z.int(),
  seconds: z.number().describe('of the tasks answered, at the site'),
});
export const jobStats = z.object({
  job_id: jobId,
  sites: z.array(taskStats),
  rounds_closed: z.int(),
  aggregation_seconds: z.number(),
});

export type JobStats = z.output<typeof jobStats>;

export const siteState = z.object({
  name,
  org: name.nullable(),
  connected: z.boolean(),
  enabled: z.boolean(),
  address: z.string().nullable(),
  version: z.string().nullable(),
  engine: z.string().nullable(),
  since: time.nullable(),
  last_seen: time.nullable(),
  jobs: z.array(z.object({ job_id: jobId, phase: sitePhase, round: z.int().optional() })),
  resources: siteResources.nullable(),
});
export type SiteState = z.output<typeof siteState>;

export const systemStatus = z.object({
  server: z.object({
    name,
    project: z.string(),
    version: z.string(),
    protocol: z.int(),
    started: time,
    time,
    certificate_ends: time,
    days_left: z.int(),
    jobs_running: z.int(),
    jobs_waiting: z.int(),
    max_jobs: z.int(),
    memory_mb: z.number(),
    log_level: logLevel,
    warnings: z.array(z.string()),
  }),
  sites: z.array(siteState),
});
export type SystemStatus = z.output<typeof systemStatus>;

const study = z.object({
  name,
  id: z.string().describe('of this study: another one of the same name has another'),
  open: z.boolean().describe('everybody in the project is in it, with the role in the certificate'),
  sites: z.array(name).nullable().describe('null: all'),
  users: z
    .record(z.string(), z.string())
    .describe('role by name; if there are none and it is not open, it is nobody’s but the project admins’'),
  created: time,
});
export type Study = z.output<typeof study>;
export const studies = z.object({ studies: z.array(study) });
export const studyOne = study;
