import { z } from 'zod';
import { systemStatus } from '../../../../network/messages/admin.ts';
import { logLevel } from '../../../../network/messages/shapes.ts';
import type { ServerContext } from '../../context.ts';
import { systemStatusOf } from '../../sites/site-states.ts';
import type { App } from '../app.ts';
import { noteDeed } from '../note-deed.ts';
import { requireOperator, targetsOf } from '../system-targets.ts';

const target = z.string().min(1).max(64).describe('server, all, or the name of a site');
const targets = z.array(target).min(1);
const reached = z.object({ done: z.array(z.string()).describe('whom it reached') });

/** The server and its sites: how they are, and what they should do. */
export function systemRoutes(app: App, context: ServerContext): void {
  app.get(
    '/status',
    { schema: { summary: 'How server and sites are.', response: { 200: systemStatus } } },
    async ({ identity }) => {
      context.access.require(identity, 'view');
      return systemStatusOf(context, identity);
    },
  );
  for (const what of ['shutdown', 'restart'] as const) stopRoute(app, context, what);
  logLevelRoute(app, context);
  for (const enabled of [true, false]) enableRoute(app, context, enabled);
}

function stopRoute(app: App, context: ServerContext, what: 'shutdown' | 'restart'): void {
  const summary =
    what === 'shutdown' ? 'Ends clients or the server in order.' : 'Ends them and starts them again.';
  app.post(
    `/${what}`,
    { schema: { summary, body: z.strictObject({ targets }), response: { 200: reached } } },
    async ({ identity, body }) => {
      const names = await targetsOf(context, identity, body.targets);
      const sites = names.filter((name) => name !== 'server');
      for (const site of sites) context.orders.give(site, what);
      for (const site of names) await noteDeed(context, identity, { action: `system.${what}`, site });
      // The clients fetch their order first.
      if (names.includes('server')) setTimeout(() => context.stop(what), sites.length > 0 ? 500 : 50);
      return { done: names };
    },
  );
}

function logLevelRoute(app: App, context: ServerContext): void {
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
      const names = await targetsOf(context, identity, given);
      for (const site of names) {
        if (site === 'server') context.setLogLevel(level);
        else context.orders.setLogLevel(site, level);
        await noteDeed(context, identity, { action: 'system.log_level', site, detail: level });
      }
      return { done: names };
    },
  );
}

function enableRoute(app: App, context: ServerContext, enabled: boolean): void {
  const { store, registry } = context;
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
      await requireOperator(context, identity, site);
      await store.setSiteEnabled(site, enabled);
      registry.setEnabled(site, enabled);
      const action = enabled ? 'system.enable_client' : 'system.disable_client';
      await noteDeed(context, identity, { action, site });
      return { done: [site] };
    },
  );
}
