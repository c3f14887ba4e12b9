import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../base/files/lock.ts';
import { requireOwnState } from '../../base/files/no-links.ts';
import { ownFolder } from '../../base/files/own-folder.ts';
import { type Opened, whileOpen } from '../../base/files/while-open.ts';
import { UPLOAD_LIMITS } from '../../base/limits.ts';
import { type Logger, openLog } from '../../base/logging/logger.ts';
import { portFailure } from '../../base/processes/port-holder.ts';
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
import { type AppDeps, buildApp } from './app/build-app.ts';
import type { ServerControl } from './app/system-status.ts';
import { WorkThread } from './heavy-work/work-thread.ts';
import { type Jobs, type JobsDeps, openJobs } from './jobs/jobs.ts';
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
  if (!(await ownFolder(state.root)))
    options.tell(
      `Other users of this machine may read ${state.root}: it belongs to another user, who can close it.`,
    );
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

interface LoggedPlace extends Place {
  readonly logger: Logger;
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
  const { parts, jobs, ended } = await assemble(options, { ...place, logger });
  opened.closeLast(await keepUploadsYoung(parts));
  const app = await buildApp(parts);
  opened.closeLast(async () => {
    logger.info('the server stops');
    // Before the connections: sites that wait for an answer get one.
    await jobs.stop();
    parts.registry.stop();
    await app.close();
  });
  await jobs.restart.prepare();
  const address = await listen(app, options, kit);
  // Whoever wants to end a job can do so while it is being taken up.
  const isBack = jobs.restart.start();
  logger.info({ ...address, state: state.root }, 'the server listens');
  tellOrphans(parts, options.tell);
  options.onReady?.({ ...address, state: state.root });
  opened.closeLast(watchKit(options.kitDir, takingUp(app.server, parts)));
  const stop = () => parts.control.stop('shutdown');
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

function tellOrphans(
  { studies, logger }: Pick<AppDeps, 'studies' | 'logger'>,
  tell: (line: string) => void,
): void {
  for (const study of studies.orphans()) {
    const words = `The study ${study} has no users and is not open: only the project's admins see it. Let its users in with 'neuroflare study add-user', or everybody with 'neuroflare study open'.`;
    logger.warn({ study }, words);
    tell(words);
  }
}

/** Connections begin anew with a changed kit, so that whoever was revoked is out at once. */
function takingUp(
  server: App['server'],
  { logger, revoked, registry }: Pick<AppDeps, 'logger' | 'revoked' | 'registry'>,
): KitWatch<'server'> {
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

interface Assembled {
  readonly parts: AppDeps;
  readonly jobs: Jobs;
  /** Settles when an admin, or whoever runs the server, ends it. */
  readonly ended: Promise<'shutdown' | 'restart'>;
}

async function assemble(options: ServeOptions, place: LoggedPlace): Promise<Assembled> {
  const { kit, opened, logger } = place;
  const { tell } = options;
  const base = await openBase(options, place);
  const { registry, resources } = base;
  const metrics = new Metrics({
    sites: () => registry.sessions().length,
    running: () => jobs.scheduler.active().length,
    waiting: () => jobs.scheduler.waitingCount(),
  });
  const machine = new MachineNotes(tell);
  const jobs: Jobs = openJobs({
    ...base,
    project: kit.project,
    rootPem: kit.tls.ca,
    tell,
    maxJobs: resources.max_jobs,
    mostModelBytes: resources.max_model_gb * 1e9,
    ...storyOfJobs({ ...base, metrics, machine, tell }),
  });
  opened.closeLast(() => jobs.stop());
  const ended = Promise.withResolvers<'shutdown' | 'restart'>();
  const [uploads, downloads] = [new UploadDesk(), new Downloads()];
  const parts: AppDeps = {
    ...base,
    intake: jobs.intake,
    scheduler: jobs.scheduler,
    restart: jobs.restart,
    orders: new SiteOrders(registry),
    revoked: new RevokedList(kit.tls.crl),
    uploads,
    downloads,
    endTransfers: (job) => {
      downloads.endOf(job);
      return uploads.endBelow(base.state.job(job).root);
    },
    control: controlOf(logger, ended.resolve),
    metrics,
    machine,
  };
  return { parts, jobs, ended: ended.promise };
}

/** What stands without jobs: records, rights, sites, and the thread for heavy work. */
async function openBase(
  { tell, kitDir, acceptLoss }: ServeOptions,
  { kit, state, opened, logger }: LoggedPlace,
) {
  const resources = await readServerResources(kitDir);
  const authorization = await readAuthorization(kitDir);
  const { store, audit } = await openRecords({ kit, state, opened, acceptLoss: acceptLoss === true, tell });
  const studies = new Studies(store, await store.studies());
  const access = new Access(authorization, studies);
  const work = new WorkThread();
  opened.closeLast(() => work.close());
  const registry = new SiteRegistry(await disabledSites(store));
  opened.closeLast(() => registry.stop());
  tellSites(registry, tell);
  return { kit, state, resources, store, audit, studies, access, work, registry, logger };
}

function controlOf(logger: Logger, stop: ServerControl['stop']): ServerControl {
  return {
    started: new Date().toISOString(),
    logLevel: () => logger.level as LogLevel,
    setLogLevel: (level) => void Object.assign(logger, { level }),
    stop,
  };
}

interface Told {
  readonly kit: OpenKit<'server'>;
  readonly audit: AuditLog;
  readonly metrics: Metrics;
  readonly machine: MachineNotes;
  readonly logger: Logger;
  readonly tell: (line: string) => void;
}

type JobStory = Pick<JobsDeps, 'onRound' | 'onTrouble' | 'onStatus'>;

/** What goes on with jobs, for those who look at this server. */
function storyOfJobs({ kit, audit, metrics, machine, logger, tell }: Told): JobStory {
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

async function disabledSites(store: ServerStore): Promise<string[]> {
  return (await store.sites()).filter(({ enabled }) => !enabled).map(({ name }) => name);
}

const CLEAN_MS = 600_000;

/** Files that users sent and submitted no job with go after their time: now, and while the server runs. */
async function keepUploadsYoung({
  uploads,
  state,
  logger,
}: Pick<AppDeps, 'uploads' | 'state' | 'logger'>): Promise<() => void> {
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
    throw (await portFailure(cause as NodeJS.ErrnoException, { host, port })) ?? cause;
  }
  const address = app.server.address();
  return { host, port: typeof address === 'object' && address ? address.port : port };
}

function given({ host, port }: ServeOptions): { host?: string; port?: number } {
  return { ...(host !== undefined && { host }), ...(port !== undefined && { port }) };
}
