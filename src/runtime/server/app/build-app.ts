import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { JOB_LIMITS } from '../../job/limits.ts';
import { flError } from '../../kernel/errors.ts';
import { isDeeper } from '../../kernel/json-depth.ts';
import { packageVersion } from '../../kernel/package-version.ts';
import type { ParticipantType } from '../../security/project/schema.ts';
import { BYTES_TYPE } from '../../wire/protocol.ts';
import type { ServerContext } from '../context.ts';
import type { App } from './app.ts';
import { answerErrors } from './errors.ts';
import { requireIdentity } from './identity.ts';
import { listenWithTls } from './listener.ts';
import { noteRefusals } from './note-deed.ts';
import { jobControlRoutes } from './routes/job-control.ts';
import { jobLookRoutes } from './routes/job-looks.ts';
import { jobsRoutes } from './routes/jobs.ts';
import { sessionRoutes } from './routes/session.ts';
import { siteAnswerRoutes } from './routes/site-answers.ts';
import { siteJobRoutes } from './routes/site-jobs.ts';
import { studyRoutes } from './routes/studies.ts';
import { systemRoutes } from './routes/system.ts';

/** Of JSON; models come as streams. */
const MOST_JSON = 2_000_000;
/** Milliseconds in which the whole of a JSON body must be there. */
const BODY_MS = 30_000;

/** The server's routes over its parts, not yet listening. */
export async function buildApp(context: ServerContext): Promise<App> {
  const { kit, logger, resources } = context;
  const app: App = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    serverFactory: listenWithTls(kit.tls, logger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MOST_JSON,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    // Uploads take as long as they take; JSON bodies have a limit of their own below.
    requestTimeout: 0,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerErrors(app);
  noteRefusals(app, context);
  requireIdentity(app);
  limitBodies(app);
  await app.register(rateLimit, {
    max: resources.requests_per_minute,
    timeWindow: 60_000,
    keyGenerator: ({ identity }) => identity.name,
    errorResponseBuilder: ({ identity }, { max }) =>
      flError('NF_RATE_LIMIT', { name: identity.name, limit: max }),
  });
  await app.register(swagger, {
    openapi: { info: { title: 'neuroflare server', version: packageVersion() }, servers: [] },
    transform: jsonSchemaTransform,
  });
  measure(app, context);
  const sites = { ...FOR_SITES, ready: context.jobs.isBack };
  await mount(app, sites, { path: '/v1/site', routes: (scope) => sessionRoutes(scope, context) });
  await mount(app, sites, {
    path: '/v1/site/jobs',
    routes: (scope) => {
      siteJobRoutes(scope, context);
      siteAnswerRoutes(scope, context);
    },
  });
  await mount(app, FOR_ADMINS, {
    path: '/v1/jobs',
    routes: (scope) => {
      jobsRoutes(scope, context);
      jobLookRoutes(scope, context);
      jobControlRoutes(scope, context);
    },
  });
  await mount(app, FOR_ADMINS, { path: '/v1/system', routes: (scope) => systemRoutes(scope, context) });
  await mount(app, FOR_ADMINS, { path: '/v1/studies', routes: (scope) => studyRoutes(scope, context) });
  openRoutes(app, context);
  return app;
}

interface Audience {
  readonly type: ParticipantType;
  readonly right: string;
  /** Nobody is answered before. */
  readonly ready?: Promise<void>;
}

const FOR_SITES: Audience = { type: 'client', right: 'to be a site' };
const FOR_ADMINS: Audience = { type: 'admin', right: 'to steer jobs' };

/** Routes below a path, for one kind of participant. */
async function mount(
  app: App,
  audience: Audience,
  { path, routes }: { path: string; routes: (scope: App) => void },
): Promise<void> {
  await app.register(
    async (scope: App) => {
      scope.addHook('onRequest', async ({ identity: { name, type, role } }) => {
        if (type !== audience.type)
          throw flError('NF_ACCESS_DENIED', { name, role: role ?? type, right: audience.right });
        await audience.ready;
      });
      routes(scope);
    },
    { prefix: path },
  );
}

const health = z.object({
  status: z.literal('ok'),
  time: z.iso.datetime(),
  seen_as: z.string().describe('address of the asker'),
});

/** For probes, Prometheus and tools that make clients. */
function openRoutes(app: App, { metrics, logger }: ServerContext): void {
  app.get(
    '/healthz',
    { schema: { summary: 'The server answers.', response: { 200: health } } },
    async ({ ip }) => ({
      status: 'ok' as const,
      time: new Date().toISOString(),
      seen_as: ip,
    }),
  );
  app.get('/metrics', { schema: { summary: 'Figures for Prometheus.' } }, async (_request, reply) => {
    reply.header('content-type', metrics.contentType);
    return metrics.text();
  });
  app.get('/openapi.json', { schema: { summary: 'This description.' } }, async () => app.swagger());
  logger.debug('routes are ready');
}

/** Models are streams that the routes read themselves; a JSON body that trickles in is cut. */
function limitBodies(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    const { most } = JOB_LIMITS.depth;
    if (!isDeeper(body, most)) return parse(request, body, done);
    const reason = `its lists and objects lie more than ${most} deep in one another`;
    done(flError('NF_REQUEST_FORM', { reason }));
  });
  app.addContentTypeParser(BYTES_TYPE, (_request, payload, done) => done(null, payload));
  const timers = new WeakMap<object, NodeJS.Timeout>();
  app.addHook('preParsing', async (request) => {
    if (request.headers['content-type'] === BYTES_TYPE || request.method === 'GET') return;
    timers.set(request, setTimeout(() => request.raw.destroy(), BODY_MS).unref());
  });
  app.addHook('preValidation', async (request) => clearTimeout(timers.get(request)));
  app.addHook('onRequestAbort', async (request) => clearTimeout(timers.get(request)));
}

function measure(app: App, { metrics }: ServerContext): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    metrics.request({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
}
