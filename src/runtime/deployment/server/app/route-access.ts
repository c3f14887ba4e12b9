import type { FastifyRequest } from 'fastify';
import { flError } from '../../../base/errors/errors.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { Right } from '../../../security/policy/authorization.ts';
import { ROUTE_RIGHTS, type RouteRight, routeKey } from '../policy/route-rights.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteRight;
  }
}

const WORDS = { site: 'be a site', admin: 'steer jobs' } as const;

/** Has each route say whose it is, by the table of rights; one that is not in it cannot be made. */
export function enforceRights(app: App): void {
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const access = ROUTE_RIGHTS[routeKey(method, route.url)];
      if (!access) throw new Error(`The table of rights does not name ${method} ${route.url}.`);
      route.config = { ...route.config, access };
    }
  });
  app.addHook('onRequest', async ({ identity, routeOptions }) => {
    const { access } = routeOptions.config;
    // What is not there is nobody's: the answer says so.
    if (!access) return;
    if (access.who !== 'participant') requireType(identity, access.who);
    if (access.isOwner && access.note === undefined) requireOwner(identity);
  });
}

function requireType({ name, type, role }: Identity, who: 'site' | 'admin'): void {
  if (type === (who === 'site' ? 'client' : 'admin')) return;
  throw flError('NF_ACCESS_DENIED', { name, role: role ?? type, right: WORDS[who] });
}

/** The project's admins make studies. @throws NF_ACCESS_DENIED */
export function requireOwner({ name, role }: Identity): void {
  if (role === 'project_admin') return;
  throw flError('NF_ACCESS_DENIED', { name, role: role ?? 'none', right: 'change studies' });
}

/** The right that a request needs by the table. */
export function rightOf({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): Right {
  const right = routeOptions.config.access?.right;
  if (right) return right;
  throw new Error(`The table of rights gives ${routeOptions.url} no right.`);
}
