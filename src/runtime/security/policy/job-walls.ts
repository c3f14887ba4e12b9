import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { flError } from '../../base/errors/errors.ts';
import { untilParentEnds } from './death-signal.ts';
import { closedTo, type JobReach, type JobUser } from './job-user.ts';
import type { SitePolicy } from './site-policy.ts';

const run = promisify(execFile);

/** What of a site's policy is about the process of a job. */
export type WallPolicy = Pick<SitePolicy, 'isolate' | 'network' | 'run_as'>;

/** What stands around the process of a job: of what the policy asks for, as far as this machine has it. */
export interface JobWalls {
  /** Words before the command of the process. */
  readonly words: readonly string[];
  /** For `spawn`, where the words do not see to the user. */
  readonly spawnAs: JobUser | undefined;
  /** Whose the folders must be that a script writes to; undefined: the client's own user's. */
  readonly user: JobUser | undefined;
  /** Whether that user gets to the folders of jobs as all others may. */
  readonly getsThrough: boolean;
  /** A shell is between the process and the client: an end by a signal arrives as 128 and its number. */
  readonly throughShell: boolean;
  /** What holds here, for people. */
  readonly told: string;
  /** What of the policy this machine does not have, and why, for people. */
  readonly missing: readonly string[];
}

/**
 * User and group of job processes where the client is root and the policy names nobody: they are of no account of the system, and
 * not of those that systemd hands out.
 */
const OWN: JobUser = { uid: 61_110, gid: 61_110 };
/** No files of the memory of a process that crashed: it holds images. A shell stands for the process of number 1, which no signal ends. */
const AS_FIRST = ['sh', '-c', 'ulimit -c 0; "$@"; exit $?', 'sh'] as const;
const NAMESPACES = ['--pid', '--fork', '--kill-child'] as const;
/** What a process on GPUs must open for writing. */
const GPU_DEVICES: readonly [folder: string, names: RegExp][] = [
  ['/dev/dri', /^renderD/],
  ['/dev', /^(nvidia|kfd)/],
];

/** Ids of the users that processes of jobs have here, beside the client's own. */
export function usersOfJobs({ run_as: wish }: Pick<WallPolicy, 'run_as'>): number[] {
  return typeof wish === 'object' ? [OWN.uid, wish.uid] : [OWN.uid];
}

interface Found {
  readonly walls: Promise<JobWalls>;
  /** When it is looked for again, of the monotonic clock in milliseconds. */
  again: number;
}

/** What a machine lacks somebody may mend while the client runs. */
const LOOK_AGAIN_MS = 20_000;
const known = new Map<string, Found>();

/**
 * Looked for once in a process, and again after a while where this machine has less than the policy asks for.
 * @param reach what the processes must get to
 * @throws NF_JOB_WALLS where the policy insists on what this machine does not have
 */
export function jobWalls(policy: WallPolicy, reach: JobReach): Promise<JobWalls> {
  const { isolate, network, run_as: user } = policy;
  const key = JSON.stringify([isolate, network, user, reach.work, reach.data]);
  const before = known.get(key);
  if (before && performance.now() < before.again) return before.walls;
  const found: Found = { walls: findWalls(policy, reach), again: Number.POSITIVE_INFINITY };
  known.set(key, found);
  const lookAgain = () => {
    found.again = performance.now() + LOOK_AGAIN_MS;
  };
  found.walls.then(({ missing }) => missing.length > 0 && lookAgain(), lookAgain);
  return found.walls;
}

async function findWalls(policy: WallPolicy, reach: JobReach): Promise<JobWalls> {
  const { user, words: inner, told: asWhom, missing } = await ownUser(policy, reach);
  const getsThrough = user !== undefined && missing.length === 0;
  const parent = await untilParentEnds();
  const cannotChange = user !== undefined && inner.length === 0;
  const space = cannotChange ? { words: [], what: '', reason: 'no setpriv' } : await namespaces(policy);
  const ways = policy.isolate && policy.network !== 'open' ? 'no sockets' : 'the network is open';
  if (space.reason === undefined) {
    const words = [...parent, ...space.words, ...AS_FIRST, ...inner];
    const told = `${asWhom}; ${ways}; namespaces of their own for ${space.what}`;
    return { words, user, getsThrough, spawnAs: undefined, throughShell: true, told, missing };
  }
  if (policy.isolate && policy.network === 'namespace')
    throw flError('NF_JOB_WALLS', { reason: space.reason });
  const less = `job processes have no namespaces of their own (${space.reason}): sockets and signals are kept from scripts in their process alone, which does not hold native code`;
  return {
    words: inner.length > 0 ? inner : parent,
    user,
    getsThrough,
    spawnAs: inner.length > 0 ? undefined : user,
    throughShell: false,
    told: `${asWhom}; ${ways}; no namespaces`,
    missing: [...missing, ...(policy.isolate ? [less] : [])],
  };
}

interface OwnUser {
  readonly user: JobUser | undefined;
  readonly words: readonly string[];
  readonly told: string;
  readonly missing: readonly string[];
}

const NOT_MORE = ['setpriv', '--no-new-privs', '--pdeathsig', 'KILL'] as const;

async function ownUser({ isolate, run_as: wish }: WallPolicy, reach: JobReach): Promise<OwnUser> {
  const isRoot = process.geteuid?.() === 0;
  const asClient = { user: undefined, words: [], told: "as the client's user", missing: [] };
  if (typeof wish === 'object') {
    const words = [...NOT_MORE, ...asUser(wish, []), '--inh-caps', '-all', '--bounding-set', '-all'];
    const why = await fails([...words, 'true']);
    return { user: wish, words: why === undefined ? words : [], told: `as user ${wish.uid}`, missing: [] };
  }
  if (!isolate || wish === 'client' || !isRoot) {
    const why = isolate ? await fails([...NOT_MORE, 'true']) : '';
    return { ...asClient, words: why === undefined ? NOT_MORE : [] };
  }
  const closed = await closedTo(OWN, reach);
  const words = [...NOT_MORE, ...asUser(OWN, await gpuGroups()), ...capabilities(closed !== undefined)];
  const why = await fails([...words, process.execPath, '--version']);
  if (why === undefined) return { user: OWN, words, ...readsOf(closed) };
  const less = `job processes run as root, the client's user (no user of their own: ${why}); start the client as another user, or name one with run_as`;
  return { ...asClient, missing: [less] };
}

/** Of the jobs' own user: none, or that of reading what is root's where it could not read the data otherwise. */
function capabilities(readsAll: boolean): string[] {
  if (!readsAll) return ['--inh-caps', '-all', '--bounding-set', '-all'];
  const reads = '+dac_read_search';
  return ['--inh-caps', `-all,${reads}`, '--ambient-caps', reads, '--bounding-set', `-all,${reads}`];
}

function readsOf(closed: string | undefined): Pick<OwnUser, 'told' | 'missing'> {
  const { uid } = OWN;
  if (closed === undefined)
    return { told: `as user ${uid}, which may read what is open to all`, missing: [] };
  const more = `scripts run with the right to read all files of this machine, from which Node.js's permission model alone keeps them, since ${closed} is closed to their user ${uid}: open data and code to it (chmod -R o+rX, and o+x for the folders above), or name a user who may read them under run_as`;
  return { told: `as user ${uid}, which may read and not write what is root's`, missing: [more] };
}

function asUser({ uid, gid }: JobUser, groups: readonly number[]): string[] {
  const others = groups.length > 0 ? ['--groups', groups.join(',')] : ['--clear-groups'];
  return ['--reuid', String(uid), '--regid', String(gid), ...others];
}

/** Groups that own the devices of GPUs here. */
async function gpuGroups(): Promise<number[]> {
  const groups = new Set<number>();
  for (const [folder, wanted] of GPU_DEVICES)
    for (const name of await readdir(folder).catch(() => []))
      if (wanted.test(name)) groups.add((await stat(join(folder, name))).gid);
  groups.delete(0);
  return [...groups];
}

interface Space {
  readonly words: readonly string[];
  readonly what: string;
  /** Why there are none. */
  readonly reason?: string | undefined;
}

/** `unshare` of util-linux: system calls that Node.js has no way to. */
async function namespaces({ isolate, network }: WallPolicy): Promise<Space> {
  if (process.platform !== 'linux') return { words: [], what: '', reason: 'they are a thing of Linux' };
  const closes = isolate && network !== 'open';
  const what = closes ? 'network and processes' : 'processes';
  const wanted = [...(closes ? ['--net'] : []), ...NAMESPACES];
  const ways =
    process.geteuid?.() === 0
      ? [[]]
      : [
          ['--user', '--map-current-user'],
          ['--user', '--map-root-user'],
        ];
  let reason: string | undefined;
  for (const way of ways) {
    const words = ['unshare', ...way, ...wanted];
    const why = await fails([...words, ...AS_FIRST, 'true']);
    if (why === undefined) return { words, what };
    reason ??= why;
  }
  return { words: [], what, reason };
}

/** Why a command does not work here, in a line; undefined if it does. */
async function fails([program = '', ...words]: readonly string[]): Promise<string | undefined> {
  return run(program, words).then(
    () => undefined,
    (error: NodeJS.ErrnoException & { stderr?: string }) =>
      error.code === 'ENOENT' ? `${program} is not installed` : firstLine(error.stderr ?? error.message),
  );
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'it fails';
}
