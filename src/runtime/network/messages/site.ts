import { z } from 'zod';
import { taskIdSchema, wordSchema } from '../../algorithms/task.ts';
import { ANSWER_LIMITS, LEAST_EXAMPLES } from '../../base/limits.ts';
import { statisticsSchema } from '../../run/statistics.ts';
import { blobRef, digest, encoding, engineUse, errorReport, jobId, logLevel, time } from './shapes.ts';

/** What sites and the server say to each other. */

/** What a site has for jobs; what is left out is not counted. */
export const siteResources = z.strictObject({
  jobs: z.int().min(1).describe('jobs at the same time'),
  cpus: z.int().min(1),
  memory_gb: z.number().positive(),
  gpus: z.int().min(0),
});
export type SiteResources = z.output<typeof siteResources>;

const task = taskIdSchema.describe('id of the task: its name, round and site, and what it is about');
/** Files of a task by their names. */
const files = z.record(wordSchema, blobRef);

/** POST /v1/site/session */
export const sessionRequest = z.strictObject({
  instance: z.uuid().describe("of the client's folder: the same after a restart, another on another machine"),
  version: z.string().max(50).describe('of neuroflare'),
  node: z.string().max(50),
  platform: z.string().max(50),
  engine: z.string().max(100).describe('choice of engine'),
  resources: siteResources,
});
export const sessionAnswer = z.strictObject({
  session: z.uuid(),
  server: z.string(),
  project: z.string(),
  version: z.string(),
  time,
  seen_as: z.string().describe('address the server sees the client at'),
  lease_seconds: z.number(),
  poll_seconds: z.number(),
});

/** How far a site is with a job. */
export const sitePhase = z.enum([
  'offered',
  'waiting for approval',
  'refused',
  'idle',
  'queued',
  'downloading',
  'running',
  'uploading',
  'answered',
]);
export type SitePhase = z.output<typeof sitePhase>;

/** POST /v1/site/poll: a sign of life, and the question for work; held open until there is news. */
export const pollRequest = z.strictObject({
  seen: z.string().max(100).nullable().describe('version of the assignment the site has'),
  wait_seconds: z.number().min(0).max(60),
  jobs: z
    .array(
      z.strictObject({
        job_id: jobId,
        phase: sitePhase,
        task: task.optional(),
        bytes: z.int().min(0).optional().describe('that have come of what is being fetched'),
        trouble: errorReport.optional().describe('what of its machine keeps it from going on'),
      }),
    )
    .max(1000),
});

export const assignedTask = z.strictObject({
  id: task,
  total_rounds: z.int().min(1),
  seed: z.int().min(0),
  inputs: files.describe('what it begins with; the model among them'),
  state_sha256: digest.optional().describe('what the site kept and must begin with'),
});
export type AssignedTask = z.output<typeof assignedTask>;

/** Everything a site should be doing now: it stops what is not in it. */
export const assignment = z.strictObject({
  version: z.string(),
  jobs: z
    .array(
      z.strictObject({
        job_id: jobId,
        log_level: logLevel,
        resume: z
          .int()
          .min(1)
          .optional()
          .describe('how often the job was resumed: with another number it begins anew'),
        task: assignedTask.optional(),
      }),
    )
    .max(1000),
  revoked_sha256: digest.optional().describe('of the list of revoked certificates the server has'),
  order: z.enum(['shutdown', 'restart']).optional(),
  log_level: logLevel.optional(),
  time,
});
export type Assignment = z.output<typeof assignment>;
export type AssignedJob = Assignment['jobs'][number];

/** GET /v1/site/jobs/:job/resumable: whether what a site keeps of a job may be needed yet. */
export const resumableAnswer = z.strictObject({ resumable: z.boolean() });

/** GET /v1/site/revoked */
export const revokedAnswer = z.strictObject({
  crl: z.string().max(4_000_000).describe("PEM of the authority's list of revoked certificates (RFC 5280)"),
});

/** POST /v1/site/jobs/:job/decision: may be said again, to take a job back that was accepted */
export const decision = z.strictObject({
  answer: z.enum(['accepted', 'refused', 'waiting for approval']),
  reason: errorReport.optional(),
});
export type Decision = z.output<typeof decision>;

/** Of anything that is counted while a task goes on. */
const amount = z.number().min(0).max(1e15);

/** POST /v1/site/jobs/:job/reports: signs of life of a task, none of them durable. */
export const report = z.strictObject({
  task,
  started: z.boolean().optional(),
  progress: z.strictObject({ done: amount, total: amount }).optional(),
});

/** POST /v1/site/jobs/:job/logs */
export const logLines = z.strictObject({
  lines: z
    .array(z.strictObject({ time, level: logLevel, text: z.string().max(10_000) }))
    .min(1)
    .max(1000),
});

/** Looked at by `checkFigures`, in one walk: a schema of all JSON takes seconds for what a body may hold. */
const metrics = z
  .looseObject({})
  .describe(
    `${ANSWER_LIMITS.figures_kb.most} kB and ${ANSWER_LIMITS.values.most} values at most; numbers within ${ANSWER_LIMITS.magnitude.most}`,
  );

/** POST /v1/site/jobs/:job/results: answers a task. Repeating it changes nothing. */
export const taskResult = z.strictObject({
  task,
  attempt: z.int().min(1).describe('times the site began this task'),
  encoding,
  engine: engineUse.optional().describe('what computed it'),
  params_type: z.enum(['FULL', 'DIFF']),
  num_examples: z
    .number()
    .positive()
    .max(Number.MAX_SAFE_INTEGER)
    .describe(`${LEAST_EXAMPLES} at least, ${ANSWER_LIMITS.examples.most} at most`),
  metrics,
  statistics: statisticsSchema
    .optional()
    .describe(
      'what they add to the figures over all sites; what a client of 0.1.0 kept for sending has none',
    ),
  files: files.describe('what the task asks for, by name: of a training task the model'),
  values: z.looseObject({}).optional().describe('what it asks for as JSON, by name'),
  state_sha256: digest.optional().describe('what the site keeps; it stays there'),
  seconds: z.number().min(0).max(1e9),
});
export type TaskResult = z.output<typeof taskResult>;

/** POST /v1/site/jobs/:job/failures */
export const taskFailure = z.strictObject({
  task,
  attempt: z.int().min(1),
  error: errorReport,
});
export type TaskFailure = z.output<typeof taskFailure>;

/** To a result or failure: what became of it, and where the job stands. */
export const verdictAnswer = z.strictObject({
  verdict: z.enum(['accepted', 'duplicate', 'late', 'stranger']),
  round: z.int().nullable().describe('the round that is open'),
});

/** To GET and PATCH of an upload. */
export const uploadAnswer = z.strictObject({ offset: z.int().min(0), done: z.boolean() });
