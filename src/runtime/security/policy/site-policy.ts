import { z } from 'zod';

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
  send_logs: z.boolean().default(false).describe('whether the coordinator may read the logs of jobs'),
  isolate: z
    .boolean()
    .default(true)
    .describe(
      "whether scripts run under Node.js's permission model: they read the data and their own folder only",
    ),
  run_as: z
    .strictObject({ uid: z.int().min(1), gid: z.int().min(1) })
    .optional()
    .describe('user and group of job processes; the client must run as root for it'),
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
# Whether the coordinator may read the logs of this site's jobs. A log may hold what a script prints.
send_logs: false
# Scripts run under the permission model of Node.js: they read this site's data and their own folder, and start no programs. It does
# not keep native code or the network from them, so it is no sandbox; false turns it off.
isolate: true
# Job processes as another user, where the client runs as root.
# run_as: { uid: 1001, gid: 1001 }
`;
