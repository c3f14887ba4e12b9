import { z } from 'zod';
import { flError } from '../../../kernel/errors.ts';
import { compareSites } from '../../../kernel/site-order.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { ADMIN_ROLES } from '../../../security/project/schema.ts';
import { studies as studiesSchema, studyOne } from '../../../wire/admin.ts';
import { name } from '../../../wire/shapes.ts';
import type { ServerContext } from '../../context.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';

const ofStudy = z.object({ study: name });
const newName = name.regex(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'use letters, digits, dots, dashes and underscores',
);

/** Studies: which sites and users work together, apart from the others. */
export function studyRoutes(app: App, context: ServerContext): void {
  lookRoutes(app, context);
  ownerRoutes(app, context);
  for (const add of [true, false]) siteRoute(app, context, add);
  userRoutes(app, context);
}

function lookRoutes(app: App, { access, studies }: ServerContext): void {
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
      const study = studies.get(params.study);
      if (access.maySeeStudy(identity, study.name)) return study;
      throw flError('NF_STUDY_UNKNOWN', { study: params.study, nearest: '' });
    },
  );
}

function ownerRoutes(app: App, context: ServerContext): void {
  const { studies } = context;
  app.post(
    '/',
    {
      schema: {
        summary: 'Makes a study.',
        body: z.strictObject({ name: newName, sites: z.array(name).default([]) }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, body }) => {
      requireOwner(identity);
      const study = await studies.register(body.name, body.sites);
      await noteDeed(context, identity, { action: 'study.register', detail: body.name });
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
      requireOwner(identity);
      await studies.remove(params.study);
      await noteDeed(context, identity, { action: 'study.remove', detail: params.study });
      return {};
    },
  );
}

function siteRoute(app: App, context: ServerContext, add: boolean): void {
  app.post(
    add ? '/:study/add-sites' : '/:study/remove-sites',
    {
      schema: {
        summary: add ? 'Adds sites to a study.' : 'Takes sites out of a study.',
        params: ofStudy,
        body: z.strictObject({ sites: z.array(name).min(1) }),
        response: { 200: studyOne },
      },
    },
    async ({ identity, params, body: { sites } }) => {
      await requireOwnSites(context, identity, sites);
      const study = await context.studies.change(params.study, ({ sites: before }) => {
        const others = (before ?? []).filter((site) => !sites.includes(site));
        return { sites: [...others, ...(add ? sites : [])].sort(compareSites) };
      });
      const action = add ? 'study.add_site' : 'study.remove_site';
      await noteDeed(context, identity, { action, detail: `${params.study}: ${sites.join(', ')}` });
      return study;
    },
  );
}

function userRoutes(app: App, context: ServerContext): void {
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
      requireOwner(identity);
      const study = await context.studies.change(params.study, ({ users }) => ({
        users: { ...users, [user]: role },
      }));
      await noteDeed(context, identity, {
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
      requireOwner(identity);
      const study = await context.studies.change(params.study, ({ users: { [user]: _gone, ...users } }) => ({
        users,
      }));
      await noteDeed(context, identity, { action: 'study.remove_user', detail: `${params.study}: ${user}` });
      return study;
    },
  );
}

/** The project's admins make studies. */
function requireOwner({ name: user, role }: Identity): void {
  if (role === 'project_admin') return;
  throw flError('NF_ACCESS_DENIED', { name: user, role: role ?? 'none', right: 'to change studies' });
}

/** An organisation's admin brings its own sites. */
async function requireOwnSites(
  { store }: ServerContext,
  user: Identity,
  sites: readonly string[],
): Promise<void> {
  const known = await store.sites();
  const isOwn = sites.every((site) => known.find((one) => one.name === site)?.org === user.org);
  if (user.role !== 'org_admin' || !isOwn) requireOwner(user);
}
