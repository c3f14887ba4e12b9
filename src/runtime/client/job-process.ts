import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { EngineSetup, ProcessSetup, TaskMessage, TaskOrder } from '../executor/messages.ts';
import { channelOf, hearMessages, lineOf } from '../executor/process-channel.ts';
import { readMessage } from '../executor/read-message.ts';
import { TaskClock } from '../executor/task-clock.ts';
import { type ErrorReport, flError } from '../kernel/errors.ts';
import { MODULE_EXTENSION } from '../kernel/module-file.ts';
import { NATIVE_SETTINGS } from '../kernel/native-settings.ts';
import { type JobWalls, jobWalls, type WallPolicy } from '../security/policy/job-walls.ts';
import { readableCode } from '../security/policy/readable-code.ts';
import { putFile } from '../workspace/files.ts';
import { identifyProcess, isProcessAlive } from '../workspace/process-identity.ts';
import type { SiteJobFolder } from './client-folder.ts';
import { openToUser } from './open-to-user.ts';

export interface JobProcessOptions {
  readonly folder: SiteJobFolder;
  readonly engine: EngineSetup;
  /** The site's data, if it has any. */
  readonly data: string | undefined;
  readonly policy: WallPolicy;
  /** Seconds until a script begins. */
  readonly startLimit?: number;
  readonly onText: (text: string) => void;
}

export type TaskOutcome =
  | { readonly type: 'result'; readonly message: TaskMessage & { type: 'result' } }
  | { readonly type: 'failure'; readonly error: ErrorReport }
  /** The process was killed by something outside it: the task may be begun again. */
  | { readonly type: 'killed'; readonly signal: string };

export interface TaskRun {
  readonly order: TaskOrder;
  /** Seconds the script may take. */
  readonly limit: number;
  readonly onMessage: (message: TaskMessage) => void;
  readonly signal: AbortSignal;
}

const ENTRY = fileURLToPath(new URL(`../executor/process-entry${MODULE_EXTENSION}`, import.meta.url));
/** What a process said before it ended may come after the news of its end. */
const LAST_WORDS_MS = 500;
/** All that scripts and engines are given of the client's environment. */
const ENVIRONMENT =
  /^(PATH|LANG|LC_.*|TZ|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_.*|OMP_.*|TF_(CPP|CUDNN|DETERMINISTIC|ENABLE|FORCE|GPU|NUM|XLA)_.*|SystemRoot)$/;

interface Child {
  readonly process: ChildProcess;
  readonly channel: Duplex;
  readonly walls: JobWalls;
  /** Takes what it says. */
  hear: (message: unknown) => void;
}

/** The process of one job: its scripts run in it, and nothing else of the client does. It is killed with all that it started. */
export class JobProcess {
  readonly #options: JobProcessOptions;
  #child: Child | undefined;

  constructor(options: JobProcessOptions) {
    this.#options = options;
  }

  /** Runs a task to its end, in the process at hand or in a new one. */
  async run({ order, limit, onMessage, signal }: TaskRun): Promise<TaskOutcome> {
    signal.throwIfAborted();
    const walls = this.#child?.walls ?? (await jobWalls(this.#options.policy));
    // For each task: its folders are new.
    if (walls.user) await openToUser(walls.user, this.#options.folder);
    const child = this.#child ?? (await this.#start(walls));
    const outcome = Promise.withResolvers<TaskOutcome>();
    let isUsedUp = false;
    const hear = (said: unknown) => {
      const message = readMessage(said);
      if (message.type === 'result') outcome.resolve({ type: 'result', message });
      else if (message.type === 'failure') outcome.resolve({ type: 'failure', error: message.error });
      else if (message.type === 'log') this.#options.onText(message.text);
      else if (message.type === 'left') isUsedUp = true;
      else if (message.type === 'started') clock.begin();
      else onMessage(message);
    };
    const end = async (code: number | null, killer: NodeJS.Signals | null) => {
      await Promise.race([once(child.process, 'close'), sleep(LAST_WORDS_MS, undefined, { ref: false })]);
      outcome.resolve(endOf(code, killer, child.walls.throughShell));
    };
    const abort = () => outcome.reject(signal.reason);
    const limits = { limit, startLimit: this.#options.startLimit };
    const clock = new TaskClock(limits, (error) => outcome.resolve({ type: 'failure', error }));
    child.hear = hear;
    child.process.on('exit', end);
    signal.addEventListener('abort', abort, { once: true });
    try {
      // Stopped while the process started: no event tells of that.
      signal.throwIfAborted();
      child.channel.write(
        lineOf(order),
        (error) => error && outcome.resolve({ type: 'killed', signal: error.message }),
      );
      const settled = await outcome.promise;
      // After a failure the process's state is unknown: it is not used again.
      if (settled.type !== 'result' || isUsedUp) await this.kill();
      return settled;
    } catch (error) {
      await this.kill();
      throw error;
    } finally {
      clock.stop();
      signal.removeEventListener('abort', abort);
      child.hear = () => undefined;
      child.process.off('exit', end);
    }
  }

  /** Ends the process and everything it has started. */
  async kill(): Promise<void> {
    const child = this.#child?.process;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    const gone = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
    killGroup(child.pid);
    await gone;
    await rm(this.#options.folder.process, { force: true });
  }

  async #start(walls: JobWalls): Promise<Child> {
    const { folder, engine, onText, policy } = this.#options;
    const { words, spawnAs } = walls;
    const closed = policy.isolate ? { network: policy.network !== 'open' } : undefined;
    const setup: ProcessSetup = { engine, closed };
    const node = [process.execPath, ...this.#permissions(), ENTRY, JSON.stringify(setup)];
    const [program = '', ...args] = [...words, ...node];
    const child_ = spawn(program, args, {
      cwd: folder.home,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe', 'overlapped'],
      // Its own group, so that what it starts ends with it.
      detached: true,
      ...spawnAs,
    });
    const child: Child = { process: child_, channel: channelOf(child_), walls, hear: () => undefined };
    this.#child = child;
    child_.on('error', () => undefined);
    child_.on('exit', () => {
      // What it has started goes with it, however it ended.
      if (child_.pid !== undefined) killGroup(child_.pid);
      if (this.#child === child) this.#child = undefined;
    });
    for (const stream of [child_.stdout, child_.stderr]) stream?.setEncoding('utf8').on('data', onText);
    hearMessages(child.channel, (message) => child.hear(message));
    if (child_.pid !== undefined) await putFile(folder.process, await identifyProcess(child_.pid));
    return child;
  }

  /** Node.js's permission model (https://nodejs.org/api/permissions.html): files of the job, its data, and our own code. */
  #permissions(): string[] {
    const { policy, folder, data } = this.#options;
    if (!policy.isolate) return [];
    const readable = [...readableCode(), folder.root, ...(data === undefined ? [] : [data])];
    return [
      '--permission',
      '--allow-addons',
      // Of later versions, in which the permission model knows the network.
      ...(policy.network === 'open' ? flagsOf(['--allow-net']) : []),
      // SQLite opens files by itself, whatever the permission model says; a signal would open the inspector.
      ...flagsOf(['--no-experimental-sqlite', '--disable-sigusr1']),
      '--disable-warning=SecurityWarning',
      ...readable.map((path) => `--allow-fs-read=${path}`),
      ...[folder.home, folder.work].map((path) => `--allow-fs-write=${path}`),
    ];
  }

  #environment(): NodeJS.ProcessEnv {
    const { home, work } = this.#options.folder;
    const kept = Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name));
    return { ...Object.fromEntries(kept), HOME: home, TMPDIR: work, ...NATIVE_SETTINGS };
  }
}

/** Ends a process that an earlier client left behind. */
export async function killLeftover({ process: path }: SiteJobFolder): Promise<void> {
  const identity = await readFile(path, 'utf8').catch(() => undefined);
  if (identity !== undefined && (await isProcessAlive(identity))) killGroup(Number(identity.split(' ')[0]));
  await rm(path, { force: true });
}

function killGroup(pid: number): void {
  try {
    if (process.platform === 'win32')
      spawn('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
    else process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Those of these flags that this Node.js knows. */
function flagsOf(flags: readonly string[]): string[] {
  return flags.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag));
}

function endOf(code: number | null, signal: NodeJS.Signals | null, throughShell: boolean): TaskOutcome {
  const killer = signal ?? (throughShell ? signalOf(code) : null);
  if (killer === 'SIGABRT') return { type: 'failure', error: flError('NF_SCRIPT_MEMORY').report() };
  if (killer !== null) return { type: 'killed', signal: killer };
  return { type: 'failure', error: flError('NF_SCRIPT_EXITED', { code: code ?? 0 }).report() };
}

/** A shell tells of an end by a signal so (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html). */
function signalOf(code: number | null): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, number]) => 128 + number === code);
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}
