import { z } from 'zod';

/** local/resources.yml of a server. */
export const serverResourcesSchema = z.strictObject({
  version: z.literal(1),
  max_jobs: z.int().min(1).default(8).describe('jobs that run at the same time'),
  max_model_gb: z.number().positive().default(20).describe('largest model or update that is taken'),
  requests_per_minute: z.int().min(60).default(12_000).describe('of one participant'),
});
export type ServerResources = z.output<typeof serverResourcesSchema>;

/** local/resources.yml of a client. */
export const clientResourcesSchema = z.strictObject({
  version: z.literal(1),
  max_jobs: z.int().min(1).default(1).describe('jobs that run at the same time'),
  cpus: z.int().min(1).optional().describe('cores for jobs; default: all'),
  memory_gb: z.number().positive().optional().describe('memory for jobs; default: all'),
  gpus: z.int().min(0).default(0).describe('GPUs for jobs'),
});
export type ClientResources = z.output<typeof clientResourcesSchema>;

export const SERVER_RESOURCES_TEXT = `# How much the server takes on. The file is not signed and may be changed.
version: 1
max_jobs: 8                  # jobs that run at the same time
max_model_gb: 20             # largest model or update that is taken
requests_per_minute: 12000   # of one participant
`;

export const CLIENT_RESOURCES_TEXT = `# What this site has for jobs. The file is not signed and may be changed.
version: 1
max_jobs: 1                  # jobs that run at the same time
gpus: 0
# cpus: 8                    # default: all cores
# memory_gb: 32              # default: all memory
`;
