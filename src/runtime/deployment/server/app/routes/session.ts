import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { canonicalJson, sha256 } from '../../../../base/digest.ts';
import { flError } from '../../../../base/errors/errors.ts';
import { saidBy } from '../../../../base/errors/said-by.ts';
import { packageVersion } from '../../../../base/files/package-version.ts';
import type { Logger } from '../../../../base/logging/logger.ts';
import { plainAddress } from '../../../../base/text/address-text.ts';
import { auditHeadAnswer } from '../../../../network/messages/log-head.ts';
import { HEADER, LEASE_SECONDS, POLL_SECONDS } from '../../../../network/messages/protocol.ts';
import {
  assignment,
  pollRequest,
  revokedAnswer,
  sessionAnswer,
  sessionRequest,
} from '../../../../network/messages/site.ts';
import type { OpenKit } from '../../../../security/kit/open.ts';
import type { AuditLog } from '../../../../security/logs/audit-log.ts';
import { RepeatedDeeds } from '../../../../security/logs/repeated-deeds.ts';
import type { ServerStore } from '../../../store/server-store.ts';
import type { JobScheduler } from '../../jobs/job-scheduler.ts';
import type { RevokedList } from '../../sites/revoked-list.ts';
import type { SiteOrders } from '../../sites/site-orders.ts';
import type { SiteRegistry, SiteSession } from '../../sites/site-registry.ts';
import type { App } from '../app.ts';
import { goneSignal } from '../gone-signal.ts';

export interface SessionDeps {
  readonly registry: SiteRegistry;
  readonly kit: Pick<OpenKit<'server'>, 'identity' | 'project'>;
  readonly store: Pick<ServerStore, 'seeSite'>;
  readonly scheduler: Pick<JobScheduler, 'assigned'>;
  readonly orders: SiteOrders;
  /** What sites are told of who was revoked. */
  readonly revoked: RevokedList;
  readonly audit: AuditLog;
  readonly logger: Logger;
}

/** Registration, signs of life, and the question for work. */
export function sessionRoutes(app: App, deps: SessionDeps): void {
  openRoute(app, deps);
  endRoute(app, deps);
  keptRoutes(app, deps);
  pollRoute(app, deps);
}

function openRoute(app: App, { registry, kit, store, audit, logger }: SessionDeps): void {
  const connects = new RepeatedDeeds({ audit, logger });
  app.addHook('onClose', () => connects.close());
  app.post(
    '/session',
    { schema: { summary: 'A client registers.', body: sessionRequest, response: { 200: sessionAnswer } } },
    async ({ identity, body, ip }) => {
      const session = registry.open(identity, body, plainAddress(ip));
      await store.seeSite({ name: identity.name, org: identity.org, time: session.since });
      const { name: site, org } = identity;
      await connects.note(site, { actor: site, org, action: 'site.connect', site, outcome: 'done' });
      logger.info({ site: session.site, address: ip, version: body.version }, 'site connected');
      return {
        session: session.id,
        server: kit.identity.name,
        project: kit.project,
        version: packageVersion(),
        time: new Date().toISOString(),
        seen_as: plainAddress(ip),
        lease_seconds: LEASE_SECONDS,
        poll_seconds: POLL_SECONDS,
      };
    },
  );
}

function endRoute(app: App, { registry }: Pick<SessionDeps, 'registry'>): void {
  app.delete(
    '/session',
    {
      onRequest: async (request) => void sessionOf(registry, request),
      schema: {
        summary: 'A client ends in order.',
        querystring: z.object({ comes_back: z.stringbool().default(false) }),
        response: { 200: z.object({}) },
      },
    },
    async (request) => {
      registry.close(sessionOf(registry, request), { comesBack: request.query.comes_back });
      return {};
    },
  );
}

function pollRoute(app: App, deps: SessionDeps): void {
  const { registry } = deps;
  app.post(
    '/poll',
    {
      onRequest: async (request) => void sessionOf(registry, request),
      config: { waits: true },
      schema: {
        summary: 'A sign of life, and the question for work.',
        body: pollRequest,
        response: { 200: assignment },
      },
    },
    async (request, reply) => {
      const session = sessionOf(registry, request);
      session.jobs = request.body.jobs.map(({ trouble, ...job }) => ({
        ...job,
        ...(trouble && { trouble: saidBy(session.site, trouble) }),
      }));
      const { seen, wait_seconds: seconds } = request.body;
      const isNews = () =>
        registry.get(session.site) !== session || assignmentFor(deps, session).version !== seen;
      await registry.bell(session.site).wait(seconds, { isNews, signal: goneSignal(reply) });
      // A client whose place another one took in the meantime is told so.
      sessionOf(registry, request);
      return assignmentFor(deps, session);
    },
  );
}

/** What sites keep of the server's, to hold it to later. */
function keptRoutes(app: App, { registry, revoked, audit }: SessionDeps): void {
  app.get(
    '/revoked',
    {
      schema: { summary: 'The list of revoked certificates.', response: { 200: revokedAnswer } },
    },
    async (request) => {
      sessionOf(registry, request);
      const { crl } = revoked;
      if (crl === undefined) throw flError('NF_FILE_UNKNOWN', { path: 'revoked' });
      return { crl };
    },
  );

  app.get(
    '/audit-head',
    {
      schema: {
        summary:
          "Where the server's audit log ends: a site that keeps it can tell an older log from this one.",
        response: { 200: auditHeadAnswer },
      },
    },
    async (request) => {
      sessionOf(registry, request);
      return { head: (await audit.head()) ?? null };
    },
  );
}

/** The session a request of a site names, renewed. @throws NF_SESSION_UNKNOWN, NF_SESSION_REPLACED, NF_SITE_DISABLED */
export function sessionOf(
  registry: Pick<SiteRegistry, 'renew'>,
  { identity, headers }: Pick<FastifyRequest, 'identity' | 'headers'>,
): SiteSession {
  const id = headers[HEADER.session];
  return registry.renew(identity.name, typeof id === 'string' ? id : undefined);
}

function assignmentFor(
  { scheduler, orders, revoked: { digest } }: Pick<SessionDeps, 'scheduler' | 'orders' | 'revoked'>,
  session: SiteSession,
) {
  const content = {
    jobs: scheduler.assigned(session.site),
    ...orders.of(session),
    ...(digest !== undefined && { revoked_sha256: digest }),
  };
  // Whoever has seen the same has seen it all: nothing depends on what was sent before.
  return { version: sha256(canonicalJson(content)), ...content, time: new Date().toISOString() };
}
