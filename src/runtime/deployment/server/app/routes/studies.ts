import { z } from 'zod';
import { compareSites } from '../../../../base/site-order.ts';
import { type Study, studies as studiesSchema, studyOne } from '../../../../network/messages/admin.ts';
import { name } from '../../../../network/messages/shapes.ts';
import type { Identity } from '../../../../security/certificate/identity.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import { ADMIN_ROLES } from '../../../../security/project/schema.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import type { JobScheduler } from '../../jobs/job-scheduler.ts';
import type { Access } from '../../policy/access.ts';
import type { Studies } from '../../policy/studies.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';
import { requireOwner } from '../route-access.ts';

const ofStudy = z.object({ study: name });
const newName = name.regex(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'use letters, digits, dots, dashes and underscores',
);

export interface StudyDeps {
  readonly studies: Studies;
  readonly access: Access;
  readonly store: Pick<ServerStore, 'sites'>;
  readonly scheduler: Pick<JobScheduler, 'keepToStudies'>;
  readonly audit: AuditLog;
}

/** Studies: which sites and users work together, apart from the others. */
export function studyRoutes(app: App, deps: StudyDeps): void {
  lookRoutes(app, deps);
  ownerRoutes(app, deps);
  for (const add of [true, false]) siteRoute(app, deps, add);
  openRoute(app, deps);
  userRoutes(app, deps);
}

function lookRoutes(app: App, { access, studies }: StudyDeps): void {
  app.get(
    '/',
    { schema: { summary: 'Studies one belongs to.', response: { 200: studiesSchema } } },
    async ({ identity }) => {
      access.require(identity, 'view');
      return { studies: studies.list().filter((study) => access.maySeeStudy(identity, study.name)) };
    },
  );
  app.get(
    '/:study',
    { schema: { summary: 'One study.', params: ofStudy, response: { 200: studyOne } } },
    async ({ identity, params }) => {
      return access.study(identity, params.study);
    },
  );
}

function ownerRoutes(app: App, deps: StudyDeps): void {
  const { studies } = deps;
  app.post(
    '/',
    {
      schema: {
        summary: 'Makes a study.',
        body: z.strictObject({
          name: newName,
          sites: z.array(name).default([]),
          open: z.boolean().default(false),
        }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, body }) => {
      const study = await studies.register(body.name, body);
      await noteDeed(deps, identity, { action: 'study.register', detail: body.name });
      return study;
    },
  );
  app.delete(
    '/:study',
    {
      schema: {
        summary: 'Removes a study; its jobs stay.',
        params: ofStudy,
        response: { 200: z.object({}) },
      },
    },
    async ({ identity, params }) => {
      await studies.remove(params.study);
      await deps.scheduler.keepToStudies();
      await noteDeed(deps, identity, { action: 'study.remove', detail: params.study });
      return {};
    },
  );
}

function siteRoute(app: App, deps: StudyDeps, add: boolean): void {
  app.post(
    add ? '/:study/add-sites' : '/:study/remove-sites',
    {
      onRequest: async ({ identity, params }) =>
        requireOrgAdmin(deps, identity, (params as { study: string }).study),
      schema: {
        summary: add ? 'Adds sites to a study.' : 'Takes sites out of a study.',
        params: ofStudy,
        body: z.strictObject({ sites: z.array(name).min(1) }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, params, body: { sites } }) => {
      await requireOwnSites(deps, identity, { study: params.study, sites, add });
      const study = await deps.studies.change(params.study, ({ sites: before }) => {
        const others = (before ?? []).filter((site) => !sites.includes(site));
        return { sites: [...others, ...(add ? sites : [])].sort(compareSites) };
      });
      const action = add ? 'study.add_site' : 'study.remove_site';
      await noteDeed(deps, identity, { action, detail: `${params.study}: ${sites.join(', ')}` });
      await deps.scheduler.keepToStudies();
      return shownTo(deps, identity, study);
    },
  );
}

function openRoute(app: App, deps: StudyDeps): void {
  app.post(
    '/:study/open',
    {
      schema: {
        summary: 'Says whether everybody in the project is in a study, with the role in the certificate.',
        params: ofStudy,
        body: z.strictObject({ open: z.boolean() }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, params, body: { open } }) => {
      const study = await deps.studies.change(params.study, () => ({ open }));
      const action = open ? 'study.open' : 'study.close';
      await noteDeed(deps, identity, { action, detail: params.study });
      return study;
    },
  );
}

function userRoutes(app: App, deps: StudyDeps): void {
  app.post(
    '/:study/add-user',
    {
      schema: {
        summary: 'Lets somebody into a study, with a role in it.',
        params: ofStudy,
        body: z.strictObject({ user: name, role: z.enum(ADMIN_ROLES) }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, params, body: { user, role } }) => {
      const study = await deps.studies.change(params.study, ({ users }) => ({
        users: { ...users, [user]: role },
      }));
      await noteDeed(deps, identity, {
        action: 'study.add_user',
        detail: `${params.study}: ${user} ${role}`,
      });
      return study;
    },
  );
  app.post(
    '/:study/remove-user',
    {
      schema: {
        summary: 'Takes somebody out of a study.',
        params: ofStudy,
        body: z.strictObject({ user: name }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, params, body: { user } }) => {
      const study = await deps.studies.change(params.study, ({ users: { [user]: _gone, ...users } }) => ({
        users,
      }));
      await noteDeed(deps, identity, { action: 'study.remove_user', detail: `${params.study}: ${user}` });
      return study;
    },
  );
}

interface SiteChange {
  readonly study: string;
  readonly sites: readonly string[];
  readonly add: boolean;
}

/**
 * An organisation's admin who is in the study brings the organisation's own sites, and takes them out of whatever study has them.
 * @throws NF_STUDY_UNKNOWN, NF_ACCESS_DENIED
 */
async function requireOwnSites(
  { store, access, studies }: StudyDeps,
  user: Identity,
  { study: name, sites, add }: SiteChange,
): Promise<void> {
  if (user.role === 'project_admin') return;
  const known = await store.sites();
  const isOwn = sites.every((site) => known.find((one) => one.name === site)?.org === user.org);
  const role = access.roleIn(user, name);
  const isOrgAdmin = isOrgAdminOf(user, role);
  const hasThem = sites.every((site) => studies.find(name)?.sites?.includes(site));
  const mayLeave = !add && isOrgAdmin && isOwn && hasThem;
  if (role === undefined && !mayLeave) access.study(user, name);
  if (!isOrgAdmin || !isOwn) requireOwner(user);
}

/** Who is none cannot bring any site, whichever it is. @throws NF_STUDY_UNKNOWN, NF_ACCESS_DENIED */
function requireOrgAdmin({ access }: Pick<StudyDeps, 'access'>, user: Identity, study: string): void {
  if (user.role === 'project_admin' || isOrgAdminOf(user, access.roleIn(user, study))) return;
  access.study(user, study);
  requireOwner(user);
}

function isOrgAdminOf({ role }: Identity, inStudy: Identity['role']): boolean {
  return role === 'org_admin' || inStudy === 'org_admin';
}

/** To those who are not in a study, only their own sites in it. */
async function shownTo({ store, access }: StudyDeps, user: Identity, study: Study): Promise<Study> {
  if (access.maySeeStudy(user, study.name)) return study;
  const own = new Set(
    (await store.sites()).filter(({ org }) => org === user.org).map(({ name: site }) => site),
  );
  return { ...study, users: {}, sites: study.sites?.filter((site) => own.has(site)) ?? null };
}
