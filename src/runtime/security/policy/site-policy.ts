import { z } from 'zod';
import { LEAST_PEOPLE } from '../../base/least-people.ts';
import { ANSWER_LIMITS } from '../../base/limits.ts';
import { resultFilters } from '../../job/result-filters.ts';
import { LEAST_SITES, MOST_SITES } from '../../masking/thresholds.ts';
import { ADMIN_ROLES, type AdminRole } from '../project/schema.ts';

/** Who submits jobs by the rights of a server as it is made. An org_admin also resumes them. */
export const SUBMITTER_ROLES: readonly AdminRole[] = ['project_admin', 'lead'];

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 lower-case hex digits');

/** local/site-policy.yml of a client: what this site lets a job do. */
export const sitePolicySchema = z.strictObject({
  version: z.literal(1),
  code: z
    .enum(['approved', 'any'])
    .default('approved')
    .describe('approved: code of a job runs after its hash was approved here; any: without asking'),
  allowed_code: z
    .array(digest)
    .default([])
    .describe('digests of code approved beforehand, as `client jobs list` shows them'),
  allowed_templates: z
    .array(z.string().min(1))
    .default([])
    .describe('job templates that run unchanged without approval'),
  submitters: z
    .array(z.string().min(1))
    .optional()
    .describe('names and organisations whose jobs are taken; default: of everybody in the project'),
  submitter_roles: z
    .array(z.enum(ADMIN_ROLES))
    .min(1)
    .optional()
    .describe(
      'roles, by certificate, whose signature under a job counts here; default: project_admin and lead, and org_admin where it resumes a job',
    ),
  max_revocations_days: z
    .int()
    .min(1)
    .optional()
    .describe(
      'days that the list of revoked certificates may be old when a job begins here; default: any number, and none is needed',
    ),
  send_logs: z.boolean().default(false).describe('whether the coordinator may read the logs of jobs'),
  max_figures_kb: z
    .number()
    .positive()
    .max(ANSWER_LIMITS.figures_kb.most)
    .default(16)
    .describe('kilobytes of the figures of a task'),
  max_figures: z.int().min(1).default(200).describe('names in the figures of a task'),
  figures_text: z
    .boolean()
    .default(false)
    .describe('whether figures may hold text that does not stand in the job file, as class names do'),
  image_profile: z
    .boolean()
    .default(true)
    .describe(
      'whether sums over the training pictures may leave with the figures (image_profile), by which `predict` knows images that are unlike them',
    ),
  least_people: z
    .int()
    .min(LEAST_PEOPLE)
    .default(LEAST_PEOPLE)
    .describe(
      'people that each count of federated statistics (the figure data_statistics), and each sum of image_profile, for workflow.harmonisation and of an evaluation at the sites, must be over',
    ),
  max_failure_characters: z
    .int()
    .min(0)
    .default(500)
    .describe('of the message of a failure; without send_logs it holds no paths'),
  cross_site_evaluation: z
    .boolean()
    .default(false)
    .describe(
      "whether jobs are taken that give this site's last model to the other sites of the job, to be scored there (workflow.cross_site_evaluation)",
    ),
  privacy: z
    .strictObject({
      require: z
        .boolean()
        .default(false)
        .describe('whether only private jobs are taken that tell nothing outside their promise'),
      epsilon: z
        .number()
        .positive()
        .max(1000)
        .default(10)
        .describe('the most that any person here loses to all private jobs together, however many'),
      delta: z
        .number()
        .min(1e-7)
        .max(0.1)
        .default(1e-4)
        .describe('chance with which epsilon may be more: below 1 / people of the data set'),
      per_job_epsilon: z
        .number()
        .positive()
        .max(1000)
        .optional()
        .describe('the most that one job may promise (its epsilon, at its delta); default: any'),
    })
    .prefault({})
    .describe('what private jobs may spend of the privacy of the people here (docs/privacy.md)'),
  task_result_filters: resultFilters.describe(
    'what is done to each answer before it leaves this site, after the filters of the job',
  ),
  secure_aggregation: z
    .strictObject({
      require: z
        .boolean()
        .default(false)
        .describe('whether jobs are refused that do not sum up their updates in secret (secure_aggregation)'),
      min_sites: z
        .int()
        .min(LEAST_SITES)
        .max(MOST_SITES)
        .default(LEAST_SITES)
        .describe('sites that a sum with an update of this one must be of at least'),
      peers: z
        .enum(['first_use', 'pinned'])
        .default('first_use')
        .describe(
          'first_use: the first key that another site is seen with is its key from then on; pinned: each was approved here before (`client peers approve`)',
        ),
    })
    .prefault({})
    .describe('sums of updates of which nobody sees one'),
  isolate: z
    .boolean()
    .default(true)
    .describe(
      'whether scripts are kept to the data and their own folders, without programs, threads and native code',
    ),
  network: z
    .enum(['none', 'namespace', 'open'])
    .default('none')
    .describe(
      'none: no sockets for scripts; namespace: and no job where the machine gives no network namespace; open: as they like',
    ),
  python: z
    .strictObject({ interpreter: z.string().min(1) })
    .optional()
    .describe(
      'interpreter of Python (an absolute path) for scripts in Python; without it jobs with such scripts are not taken. What isolate says does not hold them: their walls are the user of job processes, and a network namespace unless network is open',
    ),
  run_as: z
    .union([z.enum(['own', 'client']), z.strictObject({ uid: z.int().min(1), gid: z.int().min(1) })])
    .default('own')
    .describe(
      'user of job processes where the client runs as root; own: one without rights; client: root; or user and group',
    ),
});
export type SitePolicy = z.output<typeof sitePolicySchema>;

export const SITE_POLICY_TEXT = `# What this site lets a job do. The file belongs to the site: it is not signed and may be changed.
version: 1
# approved: the code of a job runs only after its hash was approved here; any: it runs without asking.
code: approved
# Digests of code that is approved beforehand, as 'neuroflare client jobs list' shows them.
allowed_code: []
# Templates of neuroflare that run unchanged without approval, for example [mri-fedavg].
allowed_templates: []
# Names or organisations whose jobs are taken, for example [university]; without the line: everybody's in the project.
# submitters: [university]
# Roles, by certificate, whose jobs are taken; without the line: project_admin and lead, and org_admin for a job that it resumes.
# submitter_roles: [project_admin, lead]
# Days that the list of revoked certificates may be old when a job begins here: a server could keep a newer one from the site. Without the
# line a list of any age will do, or none. The coordinator makes a new one with 'neuroflare provision --list-revoked'.
# max_revocations_days: 14
# Whether the coordinator may read the logs of this site's jobs. A log may hold what a script prints.
send_logs: false
# Figures (metrics) that leave with a task: numbers, with so many names and kilobytes at most; text only if it stands in the job file.
max_figures_kb: 16
max_figures: 200
figures_text: false
# Whether sums over the training pictures (image_profile: few coarse numbers a picture) may leave with the figures, for 'neuroflare predict' to know
# images that are unlike them. Else the figure stays here, and the rest goes.
image_profile: true
# People that each count of federated statistics (the figure data_statistics), and each sum of image_profile, for workflow.harmonisation and of an
# evaluation at the sites, must be over; smaller ones are withheld. 10 or more.
least_people: 10
# Of the message when a task fails. Without send_logs it goes without paths, and of code only lines of the job's own files.
max_failure_characters: 500
# Whether jobs are taken that give this site's last model to the other sites of the job, to be scored there (workflow.cross_site_evaluation).
# Whoever has approved its code is not asked again: true is a yes to every such job.
cross_site_evaluation: false
# What the people here may lose to all private jobs together: epsilon at delta, counted in local/privacy.jsonl, which nothing lowers ('neuroflare
# privacy ledger'). require: true takes private jobs alone, and of them those that tell nothing outside their promise (metrics: outside). With
# per_job_epsilon: 8 no job promises more.
privacy: { require: false, epsilon: 10, delta: 1.0e-4 }
# Filters of every answer, after those of the job: arrays that never leave, for example [{ name: exclude_vars, exclude_vars: head.* }], and
# { name: norm_clip, max_norm: 1 }, which bounds how far an update may be from the model that came.
task_result_filters: []
# Sums in secret (secure_aggregation of a job). require: true refuses jobs without; min_sites: sites that a sum must be of. peers: first_use takes the
# first key that another site is seen with as its key; pinned takes none that was not approved here with 'neuroflare client peers approve'.
secure_aggregation: { require: false, min_sites: 3, peers: first_use }
# Scripts read this site's data, the job's files and their own two folders, and write to these two: no programs, no threads, no native
# code but neuroflare's own, which opens no files for them, no signals to other processes. This holds for what scripts are, JavaScript;
# against a fault in Node.js or in a native library stand the lines below. false turns it off, and network with it.
isolate: true
# none: scripts get no sockets (TCP, UDP, Unix), and on Linux a network namespace of their own where the machine gives one: the client
# says at its start, and preflight-check does, where it does not. namespace: no job runs without one. open: scripts may connect.
network: none
# Interpreter for scripts in Python; without the line no job with such a script is taken. isolate does not hold Python: such a script reads what the
# user of job processes may read, and starts programs. Its walls are that user and a network namespace: without one no such job runs unless
# network is open.
# python: { interpreter: /opt/fl/bin/python }
# User of job processes, where the client runs as root. own: a user without rights, who writes nothing but the script's two folders; where data
# or code are closed to it (chmod -R o+rX opens them) it may read what root may, and the client says so at its start; client: root; or a user
# of yours, who must be able to reach the data: { uid: 1001, gid: 1001 }.
run_as: own
`;
