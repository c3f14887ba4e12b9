import { z } from 'zod';
import type { Identity } from '../certificate/identity.ts';

/** Role, right, condition: nvflare's authorization.json, its rights and the words of its conditions. */
export const RIGHTS = [
  'submit_job',
  'clone_job',
  'manage_job',
  'download_job',
  'view',
  'operate',
  'byoc',
] as const;
export type Right = (typeof RIGHTS)[number];

const condition = z
  .enum(['any', 'none', 'o:site', 'o:submitter', 'n:submitter'])
  .describe('always, never, own organisation is the site’s, is the submitter’s, own job');
const conditions = z.union([condition, z.array(condition).min(1)]);
const permissions = z.union([conditions, z.partialRecord(z.enum(RIGHTS), conditions)]);

/** local/authorization.yml of a server. A right that is not named is not given. */
export const authorizationSchema = z.strictObject({
  version: z.literal(1),
  permissions: z.strictObject({
    project_admin: permissions,
    org_admin: permissions,
    lead: permissions,
    member: permissions,
  }),
});
export type Authorization = z.output<typeof authorizationSchema>;

export interface Deed {
  readonly right: Right;
  /** Whose job it is, for deeds on a job. */
  readonly submitter?: { readonly name: string; readonly org: string };
  /** Organisation of the site it happens at. */
  readonly siteOrg?: string;
}

/** Whether somebody may do a thing. Servers and clients take part in jobs; they have no rights over them. */
export function isAllowed(rules: Authorization, user: Identity, deed: Deed): boolean {
  if (user.role === undefined) return false;
  const own = rules.permissions[user.role];
  const given = typeof own === 'string' || Array.isArray(own) ? own : (own[deed.right] ?? 'none');
  return [given].flat().some((word) => holds(word, user, deed));
}

function holds(word: z.output<typeof condition>, user: Identity, { submitter, siteOrg }: Deed): boolean {
  if (word === 'o:site') return siteOrg === user.org;
  if (word === 'o:submitter') return submitter?.org === user.org;
  if (word === 'n:submitter') return submitter?.name === user.name;
  return word === 'any';
}

export const AUTHORIZATION_TEXT = `# Who may do what: role, right, condition. The file is not signed and may be changed; a right that is not named is not given.
# Conditions: any, none, o:site (own organisation's site), o:submitter (a job of the own organisation), n:submitter (own job).
version: 1
permissions:
  project_admin: any
  org_admin:
    manage_job: o:submitter
    download_job: o:submitter
    view: any
    operate: o:site
  lead:
    submit_job: any
    clone_job: n:submitter
    manage_job: n:submitter
    download_job: n:submitter
    view: any
    operate: o:site
    byoc: any
  member:
    view: any
`;
