import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { compareSites } from '../../base/site-order.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { systemStatus } from '../../network/messages/admin.ts';
import { Connection } from '../../network/transfer/connection.ts';
import { openKit } from '../../security/kit/open.ts';
import { moveServer } from '../../security/move-server.ts';
import { freePort, isFree } from './free-port.ts';
import { POC_PROJECT, type PocFolder, pocKits, readCard } from './poc-folder.ts';
import { rememberProcess, runningProcesses, startDetached } from './processes.ts';

export interface StartOptions {
  /** Who is started; default: server and all clients. */
  readonly services: readonly string[];
  readonly exclude: readonly string[];
  /** One folder for all sites, or a folder with one of each site's name in it. */
  readonly data?: string | undefined;
  readonly gpu?: string | undefined;
  readonly engine?: string | undefined;
  readonly wait: boolean;
  /** Seconds to wait until all answer. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface StartedPoc {
  readonly started: readonly string[];
  readonly port: number;
  /** Seconds until server and clients answered. */
  readonly seconds: number;
}

const LOOK_MS = 60;

/** Starts server and clients as processes of their own, and waits until they answer. */
export async function startPoc(folder: PocFolder, options: StartOptions): Promise<StartedPoc> {
  await readCard(folder);
  const began = performance.now();
  const kits = await pocKits(folder);
  const { server, clients, admin } = await participantsOf(kits);
  const running = await runningProcesses(folder);
  const chosen = choose([server, ...clients], options).filter((name) => running[name] === undefined);
  if (running[server] === undefined) {
    if (chosen.includes(server)) await findPort(folder, { server, kits, options });
    else if (options.wait) throw flError('NF_POC_NO_SERVER');
  }
  for (const name of chosen) {
    const kit = kits.get(name) ?? '';
    const words =
      name === server ? ['server', 'start', kit] : ['client', 'start', kit, ...(await dataOf(name, options))];
    const child = startDetached(words, { log: folder.log(name) });
    child.unref();
    if (child.pid !== undefined) await rememberProcess(folder, name, child.pid);
  }
  const { endpoint } = await openKit(kits.get(server) ?? '', 'server');
  const waitFor = chosen.filter((name) => name !== server);
  if (options.wait) await waitUntilThere(folder, { admin: kits.get(admin) ?? '', clients: waitFor, options });
  return { started: chosen, port: endpoint.listen.port, seconds: (performance.now() - began) / 1000 };
}

async function participantsOf(kits: ReadonlyMap<string, string>) {
  const isThere = async (kit: string, file: string) =>
    (await stat(join(kit, 'startup', file)).catch(() => undefined)) !== undefined;
  const names = { server: [] as string[], client: [] as string[], admin: [] as string[] };
  for (const [name, kit] of kits)
    for (const type of ['server', 'client', 'admin'] as const)
      if (await isThere(kit, `fed_${type}.json`)) names[type].push(name);
  const [server = ''] = names.server;
  const [admin = ''] = names.admin;
  return { server, admin, clients: names.client.sort(compareSites) };
}

/** @throws NF_POC_UNKNOWN */
function choose(all: readonly string[], { services, exclude }: StartOptions): string[] {
  for (const name of [...services, ...exclude]) {
    if (!all.includes(name)) throw flError('NF_POC_UNKNOWN', { name, nearest: didYouMean(name, all) });
  }
  const wanted = services.length > 0 ? services : all;
  return all.filter((name) => wanted.includes(name) && !exclude.includes(name));
}

/** Another program may have taken the port since the kits were made: then they are made anew with another one. */
async function findPort(
  folder: PocFolder,
  { server, kits, options }: { server: string; kits: ReadonlyMap<string, string>; options: StartOptions },
): Promise<void> {
  const { endpoint } = await openKit(kits.get(server) ?? '', 'server');
  const { host, port } = endpoint.listen;
  if (await isFree(host, port)) return;
  const free = await freePort(host);
  await moveServer({ workspace: folder.root, project: POC_PROJECT, port: free, kits });
  options.tell(`Port ${port} is taken: the server listens on ${free} from now on.`);
}

async function dataOf(site: string, { data, gpu, engine }: StartOptions): Promise<string[]> {
  const own = data === undefined ? undefined : join(resolve(data), site);
  const found = own !== undefined && (await stat(own).catch(() => undefined))?.isDirectory() ? own : data;
  return [
    ...(found === undefined ? [] : ['--data', found]),
    ...(gpu === undefined ? [] : ['--gpu', gpu]),
    ...(engine === undefined ? [] : ['--engine', engine]),
  ];
}

/** @throws NF_POC_ENDED with what a process said last, NF_POC_TIMEOUT */
async function waitUntilThere(
  folder: PocFolder,
  { admin, clients, options }: { admin: string; clients: readonly string[]; options: StartOptions },
): Promise<void> {
  const kit = await openKit(admin, 'admin');
  const connection = new Connection({ ...kit.endpoint.server, tls: kit.tls, connectSeconds: 1 });
  const ends = performance.now() + options.timeout * 1000;
  try {
    for (;;) {
      options.signal.throwIfAborted();
      const missing = await missingOf(connection, clients);
      if (missing.length === 0) return;
      await requireRunning(folder, [
        ...clients,
        ...(missing.includes('the server') ? [kit.endpoint.server.name] : []),
      ]);
      if (performance.now() > ends)
        throw flError('NF_POC_TIMEOUT', {
          seconds: options.timeout,
          missing: missing.join(', '),
          logs: folder.log('NAME'),
        });
      await sleep(LOOK_MS);
    }
  } finally {
    await connection.close();
  }
}

async function missingOf(connection: Connection, clients: readonly string[]): Promise<string[]> {
  try {
    const status = await connection.send({ method: 'GET', path: '/v1/system/status', answer: systemStatus });
    const there = new Set(status.sites.filter(({ connected }) => connected).map(({ name }) => name));
    return clients.filter((name) => !there.has(name));
  } catch (error) {
    if (error instanceof NeuroflareError) return ['the server'];
    throw error;
  }
}

async function requireRunning(folder: PocFolder, names: readonly string[]): Promise<void> {
  const running = await runningProcesses(folder);
  const ended = names.find((name) => running[name] === undefined);
  if (ended === undefined) return;
  const said = await readFile(folder.log(ended), 'utf8').catch(() => '');
  const lines = said.trimEnd().split('\n').slice(-6).join('\n');
  throw flError('NF_POC_ENDED', { name: ended }, { place: { file: folder.log(ended), excerpt: lines } });
}
