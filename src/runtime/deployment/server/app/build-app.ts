import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import { packageVersion } from '../../../base/files/package-version.ts';
import { REQUEST_LIMITS } from '../../../base/limits.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { plainAddress } from '../../../base/text/address-text.ts';
import { JSON_TYPE, PROTOCOL_VERSION } from '../../../network/messages/protocol.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import type { ServerResources } from '../../../security/policy/resources.ts';
import type { ServerStore } from '../../store/server-store.ts';
import type { JobRestart } from '../jobs/job-restart.ts';
import type { MachineNotes } from '../machine-notes.ts';
import type { Metrics } from '../metrics.ts';
import type { Access } from '../policy/access.ts';
import type { StateFolder } from '../state-folder.ts';
import type { App } from './app.ts';
import { takeBodies } from './bodies.ts';
import { answerBrokenRequests, answerErrors, answerNowhere, answerOddAddresses } from './errors.ts';
import { requireIdentity } from './identity.ts';
import { InOrder } from './in-order.ts';
import { listenWithTls } from './listener.ts';
import { noteRefusals } from './note-deed.ts';
import { describeRoutes } from './openapi.ts';
import { requireRightFirst } from './right-first.ts';
import { enforceRights } from './route-access.ts';
import { type JobControlDeps, jobControlRoutes } from './routes/job-control.ts';
import { type JobReadingDeps, jobReadingRoutes } from './routes/job-reading.ts';
import { type JobsDeps, jobsRoutes } from './routes/jobs.ts';
import { type SessionDeps, sessionRoutes } from './routes/session.ts';
import { type SiteAnswerDeps, siteAnswerRoutes } from './routes/site-answers.ts';
import { type SiteJobDeps, siteJobRoutes } from './routes/site-jobs.ts';
import { type StudyDeps, studyRoutes } from './routes/studies.ts';
import { type SystemDeps, systemRoutes } from './routes/system.ts';

interface OpenDeps {
  readonly access: Access;
  readonly metrics: Metrics;
  readonly store: Pick<ServerStore, 'sites'>;
  readonly logger: Logger;
}

/** What all routes need together; each file of them says what it needs itself. */
export type AppDeps = SessionDeps &
  SiteJobDeps &
  SiteAnswerDeps &
  JobsDeps &
  JobReadingDeps &
  JobControlDeps &
  SystemDeps &
  StudyDeps &
  OpenDeps & {
    readonly kit: OpenKit<'server'>;
    readonly resources: ServerResources;
    readonly state: StateFolder;
    readonly machine: MachineNotes;
    readonly restart: JobRestart;
  };

/** The server's routes over its parts, not yet listening. */
export async function buildApp(deps: AppDeps): Promise<App> {
  const { kit, logger, metrics, resources } = deps;
  const app: App = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    serverFactory: listenWithTls(kit.tls, { logger, onStranger: (why) => metrics.stranger(why) }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: REQUEST_LIMITS.json_bytes.most,
    exposeHeadRoutes: false,
    frameworkErrors: answerOddAddresses,
    clientErrorHandler: answerBrokenRequests,
    forceCloseConnections: true,
    // Uploads take as long as they take; JSON bodies have a limit of their own below.
    requestTimeout: 0,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerErrors(app, deps);
  noteRefusals(app, deps);
  requireIdentity(app);
  enforceRights(app);
  new InOrder().add(app);
  answerNowhere(app);
  requireRightFirst(app, deps);
  takeBodies(app);
  await app.register(rateLimit, {
    max: resources.requests_per_minute,
    timeWindow: 60_000,
    keyGenerator: ({ identity }) => identity.name,
    errorResponseBuilder: ({ identity }, { max }) =>
      flError('NF_RATE_LIMIT', { name: identity.name, limit: max }),
  });
  await describeRoutes(app);
  measure(app, deps);
  // A site that asked before its job is where it was would take its task for cancelled.
  const ready = deps.restart.isBack;
  await mount(app, { path: '/v1/site', ready, routes: (scope) => sessionRoutes(scope, deps) });
  await mount(app, {
    ready,
    path: '/v1/site/jobs',
    routes: (scope) => {
      siteJobRoutes(scope, deps);
      siteAnswerRoutes(scope, deps);
    },
  });
  await mount(app, {
    path: '/v1/jobs',
    routes: (scope) => {
      jobsRoutes(scope, deps);
      jobReadingRoutes(scope, deps);
      jobControlRoutes(scope, deps);
    },
  });
  await mount(app, { path: '/v1/system', routes: (scope) => systemRoutes(scope, deps) });
  await mount(app, { path: '/v1/studies', routes: (scope) => studyRoutes(scope, deps) });
  openRoutes(app, deps);
  return app;
}

/** Routes below a path; nobody is answered there before it is `ready`. */
async function mount(
  app: App,
  { path, ready, routes }: { path: string; ready?: Promise<void>; routes: (scope: App) => void },
): Promise<void> {
  await app.register(
    async (scope: App) => {
      if (ready) scope.addHook('onRequest', () => ready);
      routes(scope);
    },
    { prefix: path },
  );
}

const health = z.object({
  status: z.literal('ok'),
  time: z.iso.datetime(),
  seen_as: z.string().describe('address of the asker'),
  version: z.string().describe('of neuroflare'),
  protocol: z.int(),
});

/** For probes, Prometheus and tools that make clients. */
function openRoutes(app: App, { access, metrics, store, logger }: OpenDeps): void {
  app.get(
    '/healthz',
    { schema: { summary: 'The server answers.', response: { 200: health } } },
    async ({ ip }) => ({
      status: 'ok' as const,
      time: new Date().toISOString(),
      seen_as: plainAddress(ip),
      version: packageVersion(),
      protocol: PROTOCOL_VERSION,
    }),
  );
  app.get('/metrics', { schema: { summary: 'Figures for Prometheus.' } }, async (request, reply) => {
    const { identity } = request;
    const orgs = new Map((await store.sites()).map(({ name, org }) => [name, org]));
    reply.header('content-type', metrics.contentType);
    return metrics.text(
      (site) => site === identity.name || access.may(identity, 'operate', { siteOrg: orgs.get(site) ?? '' }),
    );
  });
  let description: string | undefined;
  app.get(
    '/openapi.json',
    { config: { isLarge: true }, schema: { summary: 'This description.' } },
    async (_request, reply) => {
      // The routes do not change while a server runs.
      description ??= JSON.stringify(app.swagger());
      return reply.type(JSON_TYPE).send(description);
    },
  );
  logger.debug('routes are ready');
}

function measure(app: App, { metrics }: Pick<OpenDeps, 'metrics'>): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.request({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
}
