import { z } from 'zod';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 lower-case hex digits');

/** local/site-policy.yml of a client: what this site lets a job do. */
export const sitePolicySchema = z.strictObject({
  version: z.literal(1),
  code: z
    .enum(['approved', 'any'])
    .default('approved')
    .describe('approved: code of a job runs after its hash was approved here; any: without asking'),
  allowed_code: z.array(digest).default([]).describe('SHA-256 of job bundles approved beforehand'),
  allowed_templates: z
    .array(z.string().min(1))
    .default([])
    .describe('job templates that run unchanged without approval'),
  send_logs: z.boolean().default(false).describe('whether the coordinator may read the logs of jobs'),
});
export type SitePolicy = z.output<typeof sitePolicySchema>;

export const SITE_POLICY_TEXT = `# What this site lets a job do. The file belongs to the site: it is not signed and may be changed.
version: 1
# approved: the code of a job runs only after its hash was approved here; any: it runs without asking.
code: approved
# SHA-256 of job bundles that are approved beforehand.
allowed_code: []
# Templates of neuroflare that run unchanged without approval, for example [mri-fedavg].
allowed_templates: []
# Whether the coordinator may read the logs of this site's jobs. A log may hold what a script prints.
send_logs: false
`;
