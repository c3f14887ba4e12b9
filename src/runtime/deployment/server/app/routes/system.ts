import { z } from 'zod';
import { systemStatus } from '../../../../network/messages/admin.ts';
import { logLevel } from '../../../../network/messages/shapes.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import type { SiteOrders } from '../../sites/site-orders.ts';
import type { SiteRegistry } from '../../sites/site-registry.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';
import { type ServerControl, type SystemStatusDeps, systemStatusOf } from '../system-status.ts';
import { requireOperator, type TargetDeps, targetsOf } from '../system-targets.ts';

const target = z.string().min(1).max(64).describe('server, all, or the name of a site');
const targets = z.array(target).min(1);
const reached = z.object({ done: z.array(z.string()).describe('whom it reached') });

export interface SystemDeps extends SystemStatusDeps, TargetDeps {
  readonly kit: SystemStatusDeps['kit'];
  readonly registry: SiteRegistry;
  readonly store: Pick<ServerStore, 'sites' | 'setSiteEnabled'>;
  readonly control: ServerControl;
  readonly orders: SiteOrders;
  readonly audit: AuditLog;
}

/** The server and its sites: how they are, and what they should do. */
export function systemRoutes(app: App, deps: SystemDeps): void {
  app.get(
    '/status',
    { schema: { summary: 'How server and sites are.', response: { 200: systemStatus } } },
    async ({ identity }) => {
      deps.access.require(identity, 'view');
      return systemStatusOf(deps, identity);
    },
  );
  for (const what of ['shutdown', 'restart'] as const) stopRoute(app, deps, what);
  logLevelRoute(app, deps);
  for (const enabled of [true, false]) enableRoute(app, deps, enabled);
}

function stopRoute(app: App, deps: SystemDeps, what: 'shutdown' | 'restart'): void {
  const summary =
    what === 'shutdown' ? 'Ends clients or the server in order.' : 'Ends them and starts them again.';
  app.post(
    `/${what}`,
    { schema: { summary, body: z.strictObject({ targets }), response: { 200: reached } } },
    async ({ identity, body }) => {
      const names = await targetsOf(deps, identity, body.targets);
      const sites = names.filter((name) => name !== 'server');
      for (const site of sites) deps.orders.give(site, what);
      for (const site of names) await noteDeed(deps, identity, { action: `system.${what}`, site });
      // The clients fetch their order first.
      if (names.includes('server')) setTimeout(() => deps.control.stop(what), sites.length > 0 ? 500 : 50);
      return { done: names };
    },
  );
}

function logLevelRoute(app: App, deps: SystemDeps): void {
  app.post(
    '/log-level',
    {
      schema: {
        summary: 'How much is logged, until the next start.',
        body: z.strictObject({ targets, level: logLevel }),
        response: { 200: reached },
      },
    },
    async ({ identity, body: { level, targets: given } }) => {
      const names = await targetsOf(deps, identity, given);
      for (const site of names) {
        if (site === 'server') deps.control.setLogLevel(level);
        else deps.orders.setLogLevel(site, level);
        await noteDeed(deps, identity, { action: 'system.log_level', site, detail: level });
      }
      return { done: names };
    },
  );
}

function enableRoute(app: App, deps: SystemDeps, enabled: boolean): void {
  const { store, registry } = deps;
  app.post(
    enabled ? '/enable-client' : '/disable-client',
    {
      schema: {
        summary: enabled ? 'Lets a site in again.' : 'Keeps a site out until it is enabled again.',
        body: z.strictObject({ site: target }),
        response: { 200: reached },
      },
    },
    async ({ identity, body: { site } }) => {
      await requireOperator(deps, identity, site);
      await store.setSiteEnabled(site, enabled);
      registry.setEnabled(site, enabled);
      const action = enabled ? 'system.enable_client' : 'system.disable_client';
      await noteDeed(deps, identity, { action, site });
      return { done: [site] };
    },
  );
}
