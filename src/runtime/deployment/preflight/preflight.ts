import { access, constants, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { findExamples } from '../../../preprocess/bids/layout.ts';
import { checkNifti } from '../../../preprocess/nifti/read.ts';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { makeFolder } from '../../base/files/files.ts';
import { isLocked } from '../../base/files/lock.ts';
import { requireOwnState, requireOwnWork } from '../../base/files/no-links.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { portFailure } from '../../base/processes/port-holder.ts';
import type { Selection } from '../../base/selection/selection.ts';
import { counted } from '../../base/text/counted.ts';
import { mapPool } from '../../base/threads/map-pool.ts';
import type { EngineChoice } from '../../job/engine-choice.ts';
import { readMembers } from '../../learning/dataset/members.ts';
import { createEngine } from '../../learning/engine/registry.ts';
import { PROTOCOL_VERSION } from '../../network/messages/protocol.ts';
import { Connection } from '../../network/transfer/connection.ts';
import { proxyFor, shownProxy } from '../../network/transfer/proxy.ts';
import { STATE } from '../../security/authority/authority.ts';
import { newestList } from '../../security/certificate/revocations.ts';
import { revocationsTold } from '../../security/certificate/revocations-told.ts';
import {
  readAuthorization,
  readClientResources,
  readLogSettings,
  readServerResources,
  readSitePolicy,
  sitePolicyFile,
} from '../../security/kit/local-files.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { verifyKit, WARN_DAYS } from '../../security/kit/verify.ts';
import { requireJobUser } from '../../security/policy/job-user.ts';
import { jobWalls } from '../../security/policy/job-walls.ts';
import { linksOutside } from '../../security/policy/links-outside.ts';
import { requireHidden } from '../../security/policy/readable-code.ts';
import { wideningsOf } from '../../security/policy/widenings.ts';
import type { ParticipantType } from '../../security/project/schema.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { type Check, look } from './check.ts';

export interface PreflightOptions {
  readonly kitDir: string;
  /** BIDS folder of the site. */
  readonly data?: string | undefined;
  /** Of the client's jobs; default: `work` in the kit. */
  readonly work?: string | undefined;
  readonly proxy?: string | undefined;
  readonly engine: EngineChoice;
}

const OWN_PACKAGE = `scripts run as a user who may write to neuroflare's own package in ${PACKAGE_ROOT}: only Node.js's permission model keeps them from it; install it as another user`;
/** More than this apart, certificates and logs of two machines tell of different times. */
const MOST_SECONDS_APART = 30;
const LEAST_FREE_GB = 2;
const IMAGES_AT_ONCE = 8;
/** Of images that cannot be read. */
const MOST_NAMED = 5;

/** Servers of version 0.1.0 tell no version. */
const health = z.object({
  status: z.string(),
  time: z.iso.datetime(),
  seen_as: z.string(),
  version: z.string().optional(),
  protocol: z.int().optional(),
});

/** Everything a server, a client or an admin needs, looked at before it is started. */
export async function preflight(options: PreflightOptions): Promise<Check[]> {
  const { kitDir } = options;
  const report = await verifyKit(kitDir);
  const type = report.endpoint?.type ?? 'client';
  const checks = [await look('startup kit', () => kitCheck(kitDir, type))];
  if (checks.some(({ ok }) => !ok)) return checks;
  if (type === 'server') return [...checks, ...(await serverChecks(await openKit(kitDir, 'server')))];
  if (type === 'client')
    return [...checks, ...(await clientChecks(await openKit(kitDir, 'client'), options))];
  return [...checks, ...(await lineChecks(await openKit(kitDir, 'admin'), options))];
}

async function kitCheck(dir: string, type: ParticipantType): Promise<string> {
  const { identity, daysLeft, project } = await openKit(dir, type);
  const soon = daysLeft <= WARN_DAYS ? ': renew it soon' : '';
  return `${identity.name}, ${identity.role ?? type} of ${project}, whole; ends in ${counted(daysLeft, 'day')}${soon}`;
}

async function serverChecks(kit: OpenKit<'server'>): Promise<Check[]> {
  const state = join(kit.dir, 'state');
  const runs = await isLocked(join(state, 'server.lock'));
  return [
    await look('settings', async () => {
      await Promise.all([readAuthorization(kit.dir), readLogSettings(kit.dir), readServerResources(kit.dir)]);
      return 'authorization.yml, resources.yml and log-config.yml are valid';
    }),
    await look('port', () => portCheck(kit, runs)),
    await look('state folder', async () => {
      await requireOwnState(state, false);
      return writableCheck(state);
    }),
    await look('database', async () => {
      const store = await openSqliteStore(join(state, 'state.db'));
      const jobs = await store.jobs();
      await store.close();
      return counted(jobs.length, 'job');
    }),
    await look('disk', () => diskCheck(state)),
    await authorityCheck(kit.dir),
  ];
}

async function clientChecks(kit: OpenKit<'client'>, options: PreflightOptions): Promise<Check[]> {
  const { data, engine } = options;
  return [
    await look('settings', async () => {
      const { code, send_logs: logs } = await readSitePolicy(kit.dir);
      await Promise.all([readLogSettings(kit.dir), readClientResources(kit.dir)]);
      return `code: ${code}, logs ${logs ? 'go to the server' : 'stay here'}`;
    }),
    await policyCheck(kit),
    ...(await lineChecks(kit, options)),
    await look('work folder', () => workCheck(kit, options)),
    await look('disk', () => diskCheck(workFolder(kit, options))),
    await look('revocations', async () => {
      const paths = [workFolder(kit, options), join(kit.dir, 'local')].map((folder) =>
        join(folder, 'crl.pem'),
      );
      return revocationsTold(await newestList(paths, kit.tls.ca), new Date());
    }),
    await look('job processes', () => wallsCheck(kit, options)),
    ...(data === undefined ? [] : [await look('data', () => dataCheck(resolve(data), kit.identity.name))]),
    await look('engine', async () => {
      const { engine: made, warning } = await createEngine(engine, { gpu: undefined, requireGpu: false });
      const { name, device, library, version } = made.describe();
      return `${name} on ${device} (${library} ${version})${warning === undefined ? '' : `; ${warning}`}`;
    }),
  ];
}

/** What the site's own rules allow beyond the default: they are not signed, and may have come with the kit. */
async function policyCheck({ dir }: OpenKit<'client'>): Promise<Check> {
  const wider: string[] = [];
  const checked = await look('site policy', async () => {
    wider.push(...wideningsOf(await readSitePolicy(dir)));
    return wider.length === 0 ? 'allows no more than the default' : `allows more: ${wider.join('; ')}`;
  });
  if (wider.length === 0) return checked;
  const hint = `Let it stand if this site has decided so; else change ${sitePolicyFile(dir)}, which no signature covers.`;
  return { ...checked, hint };
}

/** The way to the server, and what the server sees of it. */
async function lineChecks(
  { endpoint, tls }: OpenKit<'client'> | OpenKit<'admin'>,
  options: PreflightOptions,
): Promise<Check[]> {
  const proxy = proxyFor(endpoint.server, options.proxy);
  const connection = new Connection({ ...endpoint.server, tls, proxy, connectSeconds: 5 });
  let answer: z.output<typeof health> | undefined;
  try {
    const reach = await look('server', async () => {
      answer = await connection.send({ method: 'GET', path: '/healthz', answer: health });
      requireSameProtocol(answer, connection.address);
      const via = proxy === undefined ? '' : ` through ${shownProxy(proxy)}`;
      return `${connection.address} answers${via} and sees this machine at ${answer.seen_as}`;
    });
    return [reach, ...(answer ? [await look('clock', () => clockCheck(answer?.time ?? ''))] : [])];
  } finally {
    await connection.close();
  }
}

/** @throws NF_SERVER_OLDER, NF_PROTOCOL_VERSION */
function requireSameProtocol({ protocol, version }: z.output<typeof health>, address: string): void {
  if (protocol === PROTOCOL_VERSION) return;
  if (protocol === undefined || version === undefined || protocol < PROTOCOL_VERSION)
    throw flError('NF_SERVER_OLDER', { address, own: PROTOCOL_VERSION });
  throw flError('NF_PROTOCOL_VERSION', { version, own: protocol, given: String(PROTOCOL_VERSION) });
}

async function clockCheck(time: string): Promise<string> {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (Math.abs(seconds) > MOST_SECONDS_APART)
    throw flError('NF_CLOCK_APART', { seconds: Math.round(seconds) });
  return `${Math.abs(seconds).toFixed(1)} s apart from the server`;
}

async function portCheck({ endpoint }: OpenKit<'server'>, runs: boolean): Promise<string> {
  const { host, port } = endpoint.listen;
  if (runs) return `the server runs already on ${host}:${port}`;
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail).listen(port, host, () => server.close(() => done()));
  }).catch(async (cause: NodeJS.ErrnoException) => {
    throw (await portFailure(cause, { host, port })) ?? flError('NF_ADDRESS_FOREIGN', { host }, { cause });
  });
  return `${host}:${port} is free; others reach it at ${endpoint.advertised.host}:${endpoint.advertised.port}`;
}

function workFolder(kit: OpenKit<'client'>, { work }: PreflightOptions): string {
  return resolve(work ?? join(kit.dir, 'work'));
}

async function workCheck(kit: OpenKit<'client'>, options: PreflightOptions): Promise<string> {
  const folder = workFolder(kit, options);
  await requireOwnWork(folder, options.work !== undefined);
  const done = await writableCheck(folder);
  const { run_as: user } = await readSitePolicy(kit.dir);
  if (typeof user !== 'object') return done;
  await requireJobUser(user, { work: folder, data: options.data });
  return `${done}, and reached by user ${user.uid}`;
}

/** What a script can reach here is the policy's word, as far as this machine can keep it. */
async function wallsCheck(kit: OpenKit<'client'>, options: PreflightOptions): Promise<string> {
  const policy = await readSitePolicy(kit.dir);
  const { data } = options;
  if (policy.isolate)
    await requireHidden({ 'startup kit': kit.dir, 'work folder': workFolder(kit, options) }, data);
  const {
    told,
    missing: less,
    user,
  } = await jobWalls(policy, { work: dirname(workFolder(kit, options)), data });
  const isOwn = policy.isolate && user === undefined && (await isWritable(PACKAGE_ROOT));
  const links = policy.isolate && data !== undefined ? await linksOutside(data) : [];
  const missing = [...less, ...(isOwn ? [OWN_PACKAGE] : []), ...links];
  const kept = policy.isolate ? 'kept to data and own folders' : 'not isolated: scripts may do as they like';
  return [`${kept}; ${told}`, ...missing].join('; ');
}

/**
 * Whether the authority's key can be read from where the server runs: with it everybody of the project can be made up. A workspace of
 * `provision` and `poc` holds both, so this is said and not refused.
 */
async function authorityCheck(kitDir: string): Promise<Check> {
  const check = 'authority';
  const path = await findAbove(resolve(kitDir), STATE.key);
  if (path === undefined)
    return { check, ok: true, detail: "its key is not found above the server's kit", hint: null };
  return {
    check,
    ok: true,
    detail: `its private key can be read from here: ${path}`,
    hint: 'Fine to try things out. For real use bring the kit alone to the machine of the server, and keep the workspace where only the coordinator reaches it.',
  };
}

/** The file in the nearest folder above that has it and lets this user read it. */
async function findAbove(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, name);
  const isReadable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (isReadable) return path;
  return dirname(folder) === folder ? undefined : findAbove(dirname(folder), name);
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function writableCheck(folder: string): Promise<string> {
  await makeFolder(folder);
  await access(folder, constants.W_OK);
  const probe = join(folder, `.preflight-${process.pid}`);
  await writeFile(probe, 'x');
  await rm(probe);
  return `${folder} can be written`;
}

async function diskCheck(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const free = (bavail * bsize) / 1e9;
  if (free < LEAST_FREE_GB)
    throw flError('NF_DISK_SMALL', { path: folder, free: free.toFixed(1), least: LEAST_FREE_GB });
  return `${free.toFixed(0)} GB free`;
}

/** @throws NF_PREFLIGHT_IMAGES, and what `readMembers` throws */
async function dataCheck(root: string, site: string): Promise<string> {
  const { train, validation, test, classes, subjects } = await readMembers({ root, site });
  await imagesCheck(
    { root, selection: subjects.selection },
    [...train, ...validation, ...test].map(({ id }) => id),
  );
  return `${train.length} for training, ${validation.length} for validation, ${test.length} for test; ${counted(classes.length, 'class', 'classes')}`;
}

/** Every image that a job of the site would open. */
async function imagesCheck(
  { root, selection }: { root: string; selection: Selection },
  ids: readonly string[],
): Promise<void> {
  const faults: string[] = [];
  const note = (thrown: unknown) => {
    faults.push(toNeuroflareError(thrown).message);
  };
  const found = await mapPool(ids, { jobs: IMAGES_AT_ONCE }, async (id) => {
    const examples = await findExamples(root, id, selection).catch(note);
    const paths = examples?.flat() ?? [];
    for (const path of paths) await checkNifti(path).catch(note);
    return examples ? paths.length : 1;
  });
  if (faults.length === 0) return;
  const all = found.reduce((sum, images) => sum + images, 0);
  const more = faults.length > MOST_NAMED ? ` And ${faults.length - MOST_NAMED} more.` : '';
  const named = faults.slice(0, MOST_NAMED).join(' ') + more;
  throw flError('NF_PREFLIGHT_IMAGES', { bad: faults.length, images: counted(all, 'image'), named });
}
