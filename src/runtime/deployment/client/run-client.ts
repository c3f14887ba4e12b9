import { stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { listParticipants } from '../../../preprocess/bids/participants.ts';
import { type NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import { lockFolder } from '../../base/files/lock.ts';
import { requireOwnWork } from '../../base/files/no-links.ts';
import { packageVersion } from '../../base/files/package-version.ts';
import { type Opened, whileOpen } from '../../base/files/while-open.ts';
import { type Logger, openLog } from '../../base/logging/logger.ts';
import { Slots } from '../../base/threads/slots.ts';
import { settleGpu } from '../../learning/engine/settle-gpu.ts';
import type { SiteResources } from '../../network/messages/site.ts';
import { Connection } from '../../network/transfer/connection.ts';
import { proxyFor } from '../../network/transfer/proxy.ts';
import {
  readClientResources,
  readLogSettings,
  readSitePolicy,
  sitePolicyFile,
} from '../../security/kit/local-files.ts';
import { type OpenKit, openKit } from '../../security/kit/open.ts';
import { type KitWatch, watchKit } from '../../security/kit/watch.ts';
import { logKey } from '../../security/log-key.ts';
import type { Deed } from '../../security/logs/audit-log.ts';
import { openChainedLog } from '../../security/logs/chained-log.ts';
import { RepeatedDeeds } from '../../security/logs/repeated-deeds.ts';
import { requireJobUser } from '../../security/policy/job-user.ts';
import { jobWalls } from '../../security/policy/job-walls.ts';
import { linksOutside } from '../../security/policy/links-outside.ts';
import type { LogSettings } from '../../security/policy/log-settings.ts';
import { requireHidden } from '../../security/policy/readable-code.ts';
import { type SitePolicy, sitePolicySchema } from '../../security/policy/site-policy.ts';
import { wideningsOf } from '../../security/policy/widenings.ts';
import { signText } from '../../security/signature.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import { NO_BUDGET, secretsOf } from '../../site/filters/means.ts';
import { ledgerPlace, SitePrivacy } from './budget/site-privacy.ts';
import type { SiteRules } from './consent/decide.ts';
import { approvedHere, putBackStopped, troublesOfDecisions } from './consent/decisions.ts';
import { SiteRevocations } from './consent/revocations.ts';
import { readStopped } from './consent/stopped-jobs.ts';
import { type Egress, EgressLedger, takeOpenSums } from './ledger/egress-ledger.ts';
import { followServerAudit } from './ledger/server-audit.ts';
import { peerCheck } from './masked/peer-check.ts';
import { type ClientFolder, clientFolder, WORK_IN_KIT } from './memory/client-folder.ts';
import { closeToOthers } from './memory/close-to-others.ts';
import { FolderMemory } from './memory/folder-memory.ts';
import { JobMemory } from './memory/job-memory.ts';
import { ServerLink } from './server-link.ts';
import { SiteClient, type SiteClientDeps } from './site-client.ts';
import { siteSecret } from './site-secret.ts';

/** How often is noted what is in the work folder. */
const REMEMBER_MS = 60_000;

export interface ClientOptions {
  readonly kitDir: string;
  /** Where the client keeps its jobs; default: `work` in the kit. */
  readonly workDir?: string | undefined;
  /** BIDS folder of this site. */
  readonly data?: string | undefined;
  readonly proxy?: string | undefined;
  readonly engine: EngineSetup;
  /** For people: what happens to jobs, and to the way to the server. */
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the client of a site until it is stopped: by the signal, or by an admin. Data and kit are checked first. */
export async function runClient(options: ClientOptions): Promise<'shutdown' | 'restart'> {
  const kit = await openKit(options.kitDir, 'client');
  const proxy = proxyFor(kit.endpoint.server, options.proxy);
  const data = options.data === undefined ? undefined : resolve(options.data);
  if (data !== undefined) await listParticipants(data);
  const folder = clientFolder(resolve(options.workDir ?? join(options.kitDir, WORK_IN_KIT)));
  await requireOwnWork(folder.root, options.workDir !== undefined);
  const policy = await readSitePolicy(options.kitDir);
  if (policy.isolate)
    await requireHidden({ 'startup kit': options.kitDir, 'work folder': folder.root }, data);
  const { missing, getsThrough } = await jobWalls(policy, { work: dirname(folder.root), data });
  await closeToOthers(folder, getsThrough);
  if (typeof policy.run_as === 'object') await requireJobUser(policy.run_as, { work: folder.jobs, data });
  const { order: engine, warnings } = await settleGpu(options.engine);
  for (const warning of warnings) options.tell(warning);
  for (const what of missing) options.tell(`Less than site-policy.yml asks for: ${what}.`);
  for (const what of policy.isolate && data !== undefined ? await linksOutside(data) : [])
    options.tell(`Links in the data: ${what}.`);
  for (const what of wideningsOf(policy))
    options.tell(`site-policy.yml allows more than the default: ${what}.`);
  return whileOpen(async (opened) => {
    opened.closeLast(await lockFolder(folder.lock, `The work folder ${folder.root}`));
    return run({ ...options, engine, data, proxy }, { kit, folder, opened, signing: { kit } });
  });
}

interface Place {
  readonly kit: OpenKit<'client'>;
  readonly folder: ClientFolder;
  readonly opened: Opened;
  /** With the certificate that is good now. */
  readonly signing: { kit: Pick<OpenKit, 'tls'> };
}

async function run(options: ClientOptions, place: Place): Promise<'shutdown' | 'restart'> {
  const { kit, folder, opened } = place;
  const { tell } = options;
  const settings = await readLogSettings(kit.dir);
  const resources = await resourcesOf(kit.dir);
  const logger = openClientLog(settings, place);
  const say = (loss: NeuroflareError) => {
    tell(`${loss.code}: ${loss.message} ${loss.hint}`);
    logger.warn(loss.report(), 'the work folder');
  };
  const revocations = await SiteRevocations.open(folder, kit);
  if (revocations.digest !== undefined) tell(`Revocations: ${revocations.told(new Date())}.`);
  const { audit, ledger, memory, instance } = await openRecords(place, say);
  const refusals = new RepeatedDeeds({ audit, logger });
  opened.closeLast(() => refusals.close());
  const privacy = await openPrivacy(options, place, say);
  const known: Known = { memory, revocations, privacy, stopped: new Map() };
  const connection = connect(options, { kit, ledger });
  opened.closeLast(() => connection.close());
  const stop = new AbortController();
  const end = () => stop.abort(options.signal.reason);
  options.signal.addEventListener('abort', end, { once: true });
  if (options.signal.aborted) end();
  const link = new ServerLink({
    connection,
    ledger,
    hello: { ...introduce(instance), engine: options.engine.choice, resources },
    signal: stop.signal,
    onTrouble: troubleTeller(tell, connection.address),
  });
  let comesBack = false;
  opened.closeLast(() => link.leave({ comesBack }));
  const client = newClient(options, place, { link, logger, audit, refusals, known, resources, settings });
  opened.closeLast(lookBeside(place, { connection, link, tell, logger }));
  opened.closeLast(() => options.signal.removeEventListener('abort', end));
  try {
    const { seen_as: address, server: name } = await link.session();
    tell(
      `${kit.identity.name} is connected to ${name} at ${connection.address}, which sees it at ${address}`,
    );
    const order = await client.run(stop.signal);
    comesBack = order === 'restart';
    return order;
  } catch (thrown) {
    if (options.signal.aborted) return 'shutdown';
    throw toNeuroflareError(thrown);
  }
}

/** A ledger that cannot be used is told at once: jobs without privacy run all the same. */
async function openPrivacy(
  { data }: ClientOptions,
  { kit, folder, opened }: Place,
  say: (fault: NeuroflareError) => void,
): Promise<SitePrivacy> {
  const place = ledgerPlace(kit.dir, folder, kit.identity.name);
  const privacy = await SitePrivacy.open(place, logKey(kit), data);
  opened.closeLast(() => privacy.close());
  if (privacy.fault) say(privacy.fault);
  return privacy;
}

type ClientParts = Pick<SiteClientDeps, 'link' | 'logger' | 'audit' | 'refusals'> & {
  readonly known: Known;
  readonly resources: { readonly jobs: number };
  readonly settings: LogSettings;
};

function newClient(
  options: ClientOptions,
  place: Place,
  { known, resources, settings, ...parts }: ClientParts,
): SiteClient {
  const { kit, folder, signing } = place;
  const rules = () => rulesOf({ ...place, ...known }, options.data);
  return new SiteClient({
    ...options,
    ...parts,
    ...known,
    ...logBounds(settings),
    site: kit.identity.name,
    folder,
    slots: new Slots(resources.jobs),
    data: options.data,
    rules,
    signer: () => ({
      certificate: signing.kit.tls.cert,
      sign: (text) => signText(text, signing.kit).signature,
    }),
    peers: async () => peerCheck(folder, await rules(), options.kitDir),
    rulesStamp: () => stampOf(filesOfRules(place)),
    policy: () => policyNow(kit),
    means: { secrets: secretsOf(() => siteSecret(folder.secret)), budget: NO_BUDGET },
  });
}

function openClientLog(
  { level, max_megabytes: maxMegabytes, kept_files: keptFiles }: LogSettings,
  { folder, opened }: Place,
) {
  const logger = openLog({ path: folder.log, level, maxMegabytes, keptFiles });
  opened.closeLast(() => logger.close());
  return logger;
}

/**
 * What is written down here for others and for the next start: who did what, what left, which jobs were here. What of it was lost or
 * damaged since the last time is told, and stands in the audit log, before it is remembered anew.
 * @throws NF_AUDIT_DAMAGED
 */
async function openRecords({ kit, folder, opened }: Place, tell: (loss: NeuroflareError) => void) {
  const key = logKey(kit);
  const { memory: remembered, losses } = await FolderMemory.open(folder);
  let isTold = false;
  // Closed last, when the logs have come to their ends.
  opened.closeLast(() => (isTold ? remembered.note() : undefined));
  const audit = await openChainedLog<Deed>(folder.audit, key);
  opened.closeLast(() => audit.close());
  const lines = await openChainedLog<Egress>(folder.egress, key);
  const { sums, trouble } = await takeOpenSums(folder.egressOpen);
  const ledger = new EgressLedger(lines, folder.egressOpen, sums);
  opened.closeLast(() => ledger.close());
  const decisions = await troublesOfDecisions(folder, key.isSigned);
  const all = [...losses, ...(trouble ? [trouble] : []), ...decisions];
  const own = { actor: kit.identity.name, outcome: 'done' } as const;
  const note = (deed: Pick<Deed, 'action' | 'job' | 'detail'>) => audit.append({ ...own, ...deed });
  const memory = await JobMemory.open(folder, { note, tell: (loss) => all.push(loss) });
  for (const loss of all) {
    tell(loss);
    await note({ action: 'work.lost', detail: `${loss.code}: ${loss.message}` });
  }
  if (!decisions.some(({ code }) => code === 'NF_STOPPED_INVALID')) await putBackStopped(folder);
  await remembered.note();
  isTold = true;
  const timer = setInterval(() => void remembered.note().catch(() => undefined), REMEMBER_MS).unref();
  opened.closeLast(() => clearInterval(timer));
  return { audit, ledger, memory, instance: remembered.instance };
}

/** Of the log of one job, and of those of all jobs that are over. */
function logBounds({ max_megabytes: one, kept_files: kept }: LogSettings) {
  return { logBytes: one * 1e6, keptLogBytes: one * kept * 1e6 };
}

/** What a client says of itself. */
function introduce(instance: string) {
  const { versions, platform, arch } = process;
  return { instance, version: packageVersion(), node: versions.node, platform: `${platform}-${arch}` };
}

interface Beside {
  readonly connection: Connection;
  readonly link: ServerLink;
  readonly tell: (line: string) => void;
  readonly logger: Logger;
}

/** What is looked at beside the jobs, until what it returns is called. */
function lookBeside(
  { kit, folder, signing }: Place,
  { connection, link, tell, logger }: Beside,
): () => Promise<void> {
  const unwatch = watchKit(kit.dir, takingUp(connection, { tell, logger, signing }));
  const unfollow = followServerAudit({ link, path: folder.serverAudit, kit, tell, logger });
  return () => {
    unwatch();
    return unfollow();
  };
}

/** The link repeats requests by itself, and writes each down. */
function connect(
  { proxy }: ClientOptions,
  { kit, ledger }: { kit: OpenKit<'client'>; ledger: EgressLedger },
): Connection {
  return new Connection({
    ...kit.endpoint.server,
    tls: kit.tls,
    proxy,
    connectSeconds: 10,
    retries: 0,
    onRequest: (bytes) => ledger.addUp('headers', bytes),
  });
}

/** Jobs go on while the certificate is renewed. */
function takingUp(
  connection: Connection,
  { tell, logger, signing }: { tell: (line: string) => void; logger: Logger } & Pick<Place, 'signing'>,
): KitWatch<'client'> {
  return {
    type: 'client',
    onChange: ({ tls, expires }) => {
      connection.renew(tls);
      signing.kit = { tls };
      tell(`The certificate was renewed, and is good until ${expires.toISOString().slice(0, 10)}.`);
    },
    onFault: (error) => logger.error(error, 'the kit has changed and cannot be used'),
  };
}

/** Once when it begins, once when it ends. */
function troubleTeller(tell: (line: string) => void, address: string) {
  let told: string | undefined;
  return (error: NeuroflareError | undefined) => {
    if (error && told !== error.code) tell(`${error.message} Trying again until it answers.`);
    if (!error && told !== undefined) tell(`${address} answers again.`);
    told = error?.code;
  };
}

/** While the policy cannot be read, what leaves keeps to the strictest one. */
async function policyNow({ dir }: OpenKit<'client'>): Promise<SitePolicy> {
  return readSitePolicy(dir).catch(() => sitePolicySchema.parse({ version: 1 }));
}

/** What a client keeps of jobs that were here, and of who was revoked. */
interface Known {
  readonly memory: JobMemory;
  readonly revocations: SiteRevocations;
  readonly privacy: SitePrivacy;
  /** Jobs that were seen to be stopped, and why: a list that vanishes lets none of them run again. */
  readonly stopped: Map<string, string>;
}

async function rulesOf(
  { kit, folder, memory, revocations, privacy, stopped: seen }: Place & Known,
  data: string | undefined,
): Promise<SiteRules> {
  const { stopped } = await readStopped(folder);
  for (const { job_id: id, reason } of stopped) seen.set(id, reason);
  return {
    site: kit.identity.name,
    memory,
    revoked: revocations.serials,
    revokedAt: revocations.at,
    stopped: seen,
    policy: await readSitePolicy(kit.dir),
    project: kit.project,
    rootPem: kit.tls.ca,
    approved: await approvedHere(folder, logKey(kit).isSigned),
    hasData: data !== undefined,
    privacy,
  };
}

/** The log of decisions and its end, too: what is approved counts from its signed line on. */
function filesOfRules({ kit, folder }: Place): string[] {
  const { approvals, approvalAudit: log, stopped } = folder;
  return [sitePolicyFile(kit.dir), approvals, log, `${log}.head`, stopped];
}

/** Another one when one of the files is another. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return found.map((file) => `${file?.mtimeMs} ${file?.size}`).join();
}

async function resourcesOf(kit: string): Promise<SiteResources> {
  const { max_jobs: jobs, cpus, memory_gb: memory, gpus } = await readClientResources(kit);
  return {
    jobs,
    cpus: cpus ?? availableParallelism(),
    memory_gb: memory ?? totalmem() / 1e9,
    gpus,
  };
}
