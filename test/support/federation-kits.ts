import { join } from 'node:path';
import type { Participant } from '../../src/runtime/security/project/schema.ts';
import { projectSchema } from '../../src/runtime/security/project/schema.ts';
import { type Provisioned, provision } from '../../src/runtime/security/provision.ts';

export const DAY_MS = 86_400_000;

export function makeProject(name = 'brain') {
  return projectSchema.parse({
    api_version: 3,
    name,
    participants: [
      {
        name: 'hub',
        type: 'server',
        org: 'university',
        default_host: 'localhost',
        host_names: ['127.0.0.1'],
      },
      { name: 'site-1', type: 'client', org: 'hospital_a' },
      { name: 'site-2', type: 'client', org: 'hospital_b' },
      { name: 'ann@example.org', type: 'admin', org: 'university', role: 'project_admin' },
    ],
  });
}

export const site3: Participant = { name: 'site-3', type: 'client', org: 'hospital_c' };

export interface Federation extends Provisioned {
  readonly workspace: string;
  kit(name: string): string;
}

/** Real kits of a small project. */
export async function makeFederation(
  workspace: string,
  { name = 'brain', days = 365, rootDays = 3650, now = new Date() } = {},
): Promise<Federation> {
  const made = await provision(makeProject(name), { workspace, days, rootDays, now });
  return { ...made, workspace, kit: (participant) => join(made.folder, participant) };
}
