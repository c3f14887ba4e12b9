import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { makeFolder } from '../../base/files/files.ts';
import { lockFolder } from '../../base/files/lock.ts';
import { requireOwnState } from '../../base/files/no-links.ts';
import { type Opened, whileOpen } from '../../base/files/while-open.ts';
import { UPLOAD_LIMITS } from '../../base/limits.ts';
import { openLog } from '../../base/logging/logger.ts';
import { holderOf } from '../../base/processes/port-holder.ts';
import { counted } from '../../base/text/counted.ts';
import { isFinished } from '../../network/messages/admin.ts';
import type { LogLevel } from '../../network/messages/shapes.ts';
import { readAuthorization, readLogSettings, readServerResources } from '../../security/kit/local-files.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { type KitWatch, watchKit } from '../../security/kit/watch.ts';
import { logKey } from '../../security/log-key.ts';
import type { AuditLog, Deed } from '../../security/logs/audit-log.ts';
import { openChainedLog } from '../../security/logs/chained-log.ts';
import type { ServerStore } from '../store/server-store.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { App } from './app/app.ts';
import { buildApp } from './app/build-app.ts';
import type { ServerContext } from './context.ts';
import { WorkThread } from './heavy-work/work-thread.ts';
import { JobService, type JobServiceDeps } from './jobs/job-service.ts';
import { keepDatabase, requireJobsOfAudit } from './lost-and-found.ts';
import { MachineNotes } from './machine-notes.ts';
import { Metrics } from './metrics.ts';
import { Access } from './policy/access.ts';
import { Studies } from './policy/studies.ts';
import { RevokedList } from './sites/revoked-list.ts';
import { SiteOrders } from './sites/site-orders.ts';
import { SiteRegistry } from './sites/site-registry.ts';
import { type StateFolder, stateFolder } from './state-folder.ts';
import { Downloads } from './transfer/downloads.ts';
import { UploadDesk } from './transfer/upload-desk.ts';

export interface ServeOptions {
  readonly kitDir: string;
  /** Where the server keeps its jobs; default: `state` in the kit. */
  readonly stateDir?: string | undefined;
  /** In place of the kit's; 0 takes a free one. */
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  /** Go on with a database that has lost facts. */
  readonly acceptLoss?: boolean | undefined;
  /** For people: who came, who went, what became of jobs. */
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
  readonly onReady?: (ready: { host: string; port: number; state: string }) => void;
}

/** Where a server keeps its jobs unless it is told otherwise. */
export const STATE_IN_KIT = 'state';

/** Runs a server until it is stopped: by the signal, or by an admin. One that cannot start leaves nothing open. */
export async function serve(options: ServeOptions): Promise<'shutdown' | 'restart'> {
  const kit = await openKit(options.kitDir, 'server');
  const state = stateFolder(options.stateDir ?? join(options.kitDir, STATE_IN_KIT));
  const isNamed = options.stateDir !== undefined;
  await requireOwnState(state.root, isNamed);
  await makeFolder(state.root);
  return whileOpen(async (opened) => {
    opened.closeLast(await lockFolder(state.lock, `The state folder ${state.root}`));
    return run(options, { kit, state, opened });
  });
}

interface Place {
  readonly kit: OpenKit<'server'>;
  readonly state: StateFolder;
  readonly opened: Opened;
}

async function run(options: ServeOptions, place: Place): Promise<'shutdown' | 'restart'> {
  const { kit, state, opened } = place;
  const settings = await readLogSettings(options.kitDir);
  const logger = openLog({
    path: state.log,
    level: settings.level,
    maxMegabytes: settings.max_megabytes,
    keptFiles: settings.kept_files,
  });
  opened.closeLast(() => logger.close());
  const { context, ended } = await assemble(options, { ...place, logger });
  opened.closeLast(await keepUploadsYoung(context));
  const app = await buildApp(context);
  opened.closeLast(async () => {
    logger.info('the server stops');
    // Before the connections: sites that wait for an answer get one.
    await context.jobs.stop();
    context.registry.stop();
    await app.close();
  });
  await context.jobs.prepare();
  const address = await listen(app, options, kit);
  // Whoever wants to end a job can do so while it is being taken up.
  const isBack = context.jobs.start();
  logger.info({ ...address, state: state.root }, 'the server listens');
  tellOrphans(context, options.tell);
  options.onReady?.({ ...address, state: state.root });
  opened.closeLast(watchKit(options.kitDir, takingUp(app.server, context)));
  const stop = () => context.stop('shutdown');
  options.signal.addEventListener('abort', stop, { once: true });
  opened.closeLast(() => options.signal.removeEventListener('abort', stop));
  if (options.signal.aborted) stop();
  return Promise.race([ended, isBack.then(() => ended)]);
}

function tellSites(registry: SiteRegistry, tell: (line: string) => void): void {
  registry.listen({
    connected: ({ site, address }) => tell(`${site} connected from ${address}`),
    lost: ({ site }, why) => tell(why === 'left' ? `${site} left` : `${site} is lost: no sign of life`),
  });
}

function tellOrphans({ studies, logger }: ServerContext, tell: (line: string) => void): void {
  for (const study of studies.orphans()) {
    const words = `The study ${study} has no users and is not open: only the project's admins see it. Let its users in with 'neuroflare study add-user', or everybody with 'neuroflare study open'.`;
    logger.warn({ study }, words);
    tell(words);
  }
}

/** Connections begin anew with a changed kit, so that whoever was revoked is out at once. */
function takingUp(server: App['server'], { logger, revoked, registry }: ServerContext): KitWatch<'server'> {
  return {
    type: 'server',
    onChange: ({ tls }) => {
      server.setSecureContext({
        ca: tls.ca,
        cert: tls.cert,
        key: tls.key,
        crl: tls.crl,
        minVersion: tls.minVersion,
      });
      revoked.take(tls.crl);
      registry.wakeAll();
      server.closeAllConnections();
      logger.info('the kit has changed: its certificate and list of revoked ones are in use');
    },
    onFault: (error) => logger.error(error, 'the kit has changed and cannot be used'),
  };
}

async function assemble(
  { tell, kitDir, acceptLoss }: ServeOptions,
  { kit, state, opened, logger }: Place & Pick<ServerContext, 'logger'>,
) {
  const resources = await readServerResources(kitDir);
  const authorization = await readAuthorization(kitDir);
  const { store, audit } = await openRecords({ kit, state, opened, acceptLoss: acceptLoss === true, tell });
  const disabled = await disabledSites(store);
  const studies = new Studies(store, await store.studies());
  const work = new WorkThread();
  opened.closeLast(() => work.close());
  const registry = new SiteRegistry(disabled);
  opened.closeLast(() => registry.stop());
  const metrics = new Metrics({
    sites: () => registry.sessions().length,
    running: () => jobs.active().length,
    waiting: () => jobs.waitingCount(),
  });
  const machine = new MachineNotes(tell);
  const [uploads, downloads] = [new UploadDesk(), new Downloads()];
  const endTransfers = (job: string) => {
    downloads.endOf(job);
    return uploads.endBelow(state.job(job).root);
  };
  const jobs: JobService = new JobService({
    project: kit.project,
    rootPem: kit.tls.ca,
    state,
    store,
    studies,
    registry,
    work,
    logger,
    tell,
    maxJobs: resources.max_jobs,
    mostModelBytes: resources.max_model_gb * 1e9,
    endTransfers,
    ...storyOfJobs({ kit, audit, metrics, machine, logger, tell }),
  });
  opened.closeLast(() => jobs.stop());
  tellSites(registry, tell);
  const ended = Promise.withResolvers<'shutdown' | 'restart'>();
  const context: ServerContext = {
    kit,
    state,
    resources,
    store,
    registry,
    orders: new SiteOrders(registry),
    jobs,
    studies,
    access: new Access(authorization, studies),
    uploads,
    downloads,
    revoked: new RevokedList(kit.tls.crl),
    work,
    audit,
    metrics,
    machine,
    logger,
    tell,
    started: new Date().toISOString(),
    logLevel: () => logger.level as LogLevel,
    setLogLevel: (level) => void Object.assign(logger, { level }),
    stop: ended.resolve,
  };
  return { context, ended: ended.promise };
}

/** What goes on with jobs, for those who look at this server. */
function storyOfJobs({
  kit,
  audit,
  metrics,
  machine,
  logger,
  tell,
}: Pick<ServerContext, 'kit' | 'audit' | 'metrics' | 'machine' | 'logger' | 'tell'>): Pick<
  JobServiceDeps,
  'onRound' | 'onTrouble' | 'onStatus'
> {
  return {
    onRound: (seconds) => metrics.round(seconds),
    onTrouble: ({ record: { id, name } }, error) => {
      logger.error({ job: id, ...error.report() }, 'the job waits for its machine');
      machine.note(`${name} ${id} waits for this machine`, error);
    },
    onStatus: ({ record: { id, name, status, error } }) => {
      logger.info({ job: id, status }, 'job status');
      tell(`${name} ${id}: ${status}${error ? ` (${error.code}: ${error.message})` : ''}`);
      if (!isFinished(status)) return;
      metrics.finished(status);
      audit
        .append({ actor: kit.identity.name, action: 'job.end', job: id, outcome: 'done', detail: status })
        .catch((cause: unknown) => logger.error({ cause: String(cause) }, 'the audit log cannot be written'));
    },
  };
}

/** The database and the audit log, each held against the other. @throws NF_STORE_*, NF_AUDIT_DAMAGED */
async function openRecords({
  kit,
  state,
  opened,
  acceptLoss,
  tell,
}: Records): Promise<{ store: ServerStore; audit: AuditLog }> {
  const isNewLog = !existsSync(state.audit);
  if (acceptLoss) await keepDatabase(state);
  const store = await openSqliteStore(state.database);
  opened.closeLast(() => store.close());
  if (!acceptLoss) await requireJobsOfAudit(state, store);
  const audit = await openChainedLog<Deed>(state.audit, logKey(kit));
  opened.closeLast(() => audit.close());
  const jobs = isNewLog || acceptLoss ? (await store.jobs()).length : 0;
  const note = (action: string) =>
    audit.append({
      actor: kit.identity.name,
      action,
      outcome: 'done',
      detail: `${counted(jobs, 'job')} in the database`,
    });
  if (acceptLoss) await note('state.accept_loss');
  else if (jobs > 0) {
    await note('audit.begin_anew');
    tell(
      `The audit log ${state.audit} is not there and begins anew; the database holds ${counted(jobs, 'job')}.`,
    );
  }
  return { store, audit };
}

interface Records extends Place {
  readonly acceptLoss: boolean;
  readonly tell: (line: string) => void;
}

async function disabledSites(store: ServerContext['store']): Promise<string[]> {
  return (await store.sites()).filter(({ enabled }) => !enabled).map(({ name }) => name);
}

const CLEAN_MS = 600_000;

/** Files that users sent and submitted no job with go after their time: now, and while the server runs. */
async function keepUploadsYoung({ uploads, state, logger }: ServerContext): Promise<() => void> {
  const age = UPLOAD_LIMITS.user_hours.most * 3_600_000;
  const clean = () => uploads.removeOlder(state.uploads, Date.now() - age);
  await clean();
  const timer = setInterval(() => {
    clean().catch((error: unknown) =>
      logger.warn({ reason: String(error) }, 'old uploads cannot be removed'),
    );
  }, CLEAN_MS);
  return () => clearInterval(timer);
}

async function listen(app: App, options: ServeOptions, { endpoint }: OpenKit<'server'>) {
  const { host, port } = { ...endpoint.listen, ...given(options) };
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw flError('NF_PORT_TAKEN', { port, host, holder: await holderOf(port) }, { cause });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw flError('NF_ADDRESS_FOREIGN', { host }, { cause });
    if (code === 'EACCES') throw flError('NF_PORT_DENIED', { port }, { cause });
    throw cause;
  }
  const address = app.server.address();
  return { host, port: typeof address === 'object' && address ? address.port : port };
}

function given({ host, port }: ServeOptions): { host?: string; port?: number } {
  return { ...(host !== undefined && { host }), ...(port !== undefined && { port }) };
}
