import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { putFile } from '../../base/files/files.ts';
import { MODULE_EXTENSION } from '../../base/files/module-file.ts';
import { signalGroup, signalOwn } from '../../base/processes/own-process.ts';
import { identifyProcess } from '../../base/processes/process-identity.ts';
import { NATIVE_SETTINGS } from '../../base/threads/native-settings.ts';
import type { JobReach } from '../../security/policy/job-user.ts';
import { type JobWalls, jobWalls, type WallPolicy } from '../../security/policy/job-walls.ts';
import { readableCode } from '../../security/policy/readable-code.ts';
import type { Executor, TaskOutcome, TaskWatch } from './executor.ts';
import type { JobFolders } from './job-folders.ts';
import type { EngineSetup, ProcessSetup, TaskOrder } from './messages.ts';
import { openToUser } from './open-to-user.ts';
import { channelOf, lineOf, receiveMessages } from './process-channel.ts';
import { readMessage } from './read-message.ts';
import { closedWhileItRan, endOf } from './task-end.ts';
import { TaskRun } from './task-run.ts';

export interface ProcessExecutorOptions {
  readonly folder: JobFolders;
  readonly engine: EngineSetup;
  /** The site's data, if it has any. */
  readonly data: string | undefined;
  readonly policy: WallPolicy;
  /** Seconds until a script begins. */
  readonly startLimit?: number;
}

const ENTRY = fileURLToPath(new URL(`./process-entry${MODULE_EXTENSION}`, import.meta.url));
/** Of a process that runs scripts, of this version and of earlier ones, and of one that runs scripts in Python. */
const COMMAND = /[\\/](?:executor[\\/]process-entry\.[jt]s|python[\\/]neuroflare_script\.py)(?:[\0\s"]|$)/;
/** What a process said before it ended may come after the news of its end. */
const LAST_WORDS_MS = 500;
/** All that scripts and engines are given of the client's environment. */
export const ENVIRONMENT =
  /^(PATH|LANG|LC_.*|TZ|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_.*|OMP_.*|TF_(CPP|CUDNN|DETERMINISTIC|ENABLE|FORCE|GPU|NUM|XLA)_.*|SystemRoot)$/;

interface Child {
  readonly process: ChildProcess;
  readonly channel: Duplex;
  readonly walls: JobWalls;
  /** In an answer: the script is over. */
  readonly sign: string;
  /** Takes what it says. */
  receive: (said: unknown) => void;
  /** Takes what is printed past the client API, which may come when its task is over. */
  print: (text: string) => void;
}

/** The process of one job: its scripts run in it, and nothing else of the client does. It is killed with all that it started. */
export class ProcessExecutor implements Executor {
  readonly #options: ProcessExecutorOptions;
  readonly #closing = new AbortController();
  #child: Child | undefined;

  constructor(options: ProcessExecutorOptions) {
    this.#options = options;
  }

  #reach(): JobReach {
    const { folder, data } = this.#options;
    return { work: dirname(folder.root), data };
  }

  /** In the process at hand or in a new one. */
  async run(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome> {
    const signal = AbortSignal.any([watch.signal, this.#closing.signal]);
    signal.throwIfAborted();
    const walls = this.#child?.walls ?? (await jobWalls(this.#options.policy, this.#reach()));
    // For each task: its folders are new.
    if (walls.user) await openToUser(walls.user, this.#options.folder);
    const child = this.#child ?? (await this.#start(walls));
    try {
      // Stopped while the process started: no event tells of that.
      signal.throwIfAborted();
      watch.emit({ type: 'started' });
      const { outcome, isOver } = await this.#runIn(child, order, { ...watch, signal });
      // After a failure the process's state is unknown, and a script that answers by itself may go on: it is not used again.
      if (outcome.type !== 'result' || !isOver) await this.#kill();
      return outcome;
    } catch (error) {
      await this.#kill();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(closedWhileItRan());
    await this.#kill();
  }

  async #runIn(
    child: Child,
    order: TaskOrder,
    watch: TaskWatch,
  ): Promise<{ outcome: TaskOutcome; isOver: boolean }> {
    const { promise, resolve, reject } = Promise.withResolvers<TaskOutcome>();
    const run = new TaskRun({ watch, onEnd: resolve, startLimit: this.#options.startLimit });
    const end = async (code: number | null, killer: NodeJS.Signals | null) => {
      await Promise.race([once(child.process, 'close'), sleep(LAST_WORDS_MS, undefined, { ref: false })]);
      run.end(endOf(code, killer, child.walls));
    };
    const stop = () => {
      child.print = ignore;
      reject(watch.signal.reason);
    };
    child.receive = (said) => run.receive(readMessage(said));
    child.print = (text) => watch.emit({ type: 'log', text });
    child.process.on('exit', end);
    watch.signal.addEventListener('abort', stop, { once: true });
    try {
      child.channel.write(
        lineOf(order),
        (error) => error && run.end({ type: 'killed', signal: error.message }),
      );
      return { outcome: await promise, isOver: !run.hasLeft && run.sign === child.sign };
    } finally {
      run.drop();
      watch.signal.removeEventListener('abort', stop);
      child.receive = ignore;
      child.process.off('exit', end);
    }
  }

  /** Ends the process and everything it has started. */
  async #kill(): Promise<void> {
    const child = this.#child?.process;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    const gone = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
    signalGroup(child.pid, 'SIGKILL');
    await gone;
    await rm(this.#options.folder.process, { force: true });
  }

  async #start(walls: JobWalls): Promise<Child> {
    const { folder, engine, policy } = this.#options;
    const { words, spawnAs } = walls;
    const closed = policy.isolate ? { network: policy.network !== 'open' } : undefined;
    const sign = randomUUID();
    const setup: ProcessSetup = { engine, closed, sign };
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
    const channel = channelOf(child_);
    const child: Child = { process: child_, channel, walls, sign, receive: ignore, print: ignore };
    this.#child = child;
    child_.on('error', () => undefined);
    child_.on('exit', () => {
      // What it has started goes with it, however it ended.
      if (child_.pid !== undefined) signalGroup(child_.pid, 'SIGKILL');
      if (this.#child === child) this.#child = undefined;
    });
    for (const stream of [child_.stdout, child_.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => child.print(text));
    receiveMessages(child.channel, (message) => child.receive(message));
    if (child_.pid !== undefined) await putFile(folder.process, await identifyProcess(child_.pid));
    return child;
  }

  /** Node.js's permission model (https://nodejs.org/api/permissions.html): files of the job, its data, and our own code. */
  #permissions(): string[] {
    const { policy, folder, data } = this.#options;
    if (!policy.isolate) return [];
    const own = [folder.root, ...(data === undefined ? [] : [data])];
    // By their real paths, too: where a path leads is looked up among these.
    const readable = [...readableCode(), ...withReal(own)];
    return [
      '--permission',
      '--allow-addons',
      // Of later versions, in which the permission model knows the network.
      ...(policy.network === 'open' ? flagsOf(['--allow-net']) : []),
      // SQLite opens files by itself, whatever the permission model says; a signal would open the inspector.
      ...flagsOf(['--no-experimental-sqlite', '--disable-sigusr1']),
      '--disable-warning=SecurityWarning',
      ...readable.map((path) => `--allow-fs-read=${path}`),
      ...withReal([folder.home, folder.work]).map((path) => `--allow-fs-write=${path}`),
    ];
  }

  #environment(): NodeJS.ProcessEnv {
    const { home, work } = this.#options.folder;
    const kept = Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name));
    return { ...Object.fromEntries(kept), HOME: home, TMPDIR: work, ...NATIVE_SETTINGS };
  }
}

function ignore(): void {}

/**
 * Ends a process that an earlier client left behind, if it is one of ours: what names it may have come with the folder.
 * @param users ids of users who run scripts here, beside the client's own
 */
export async function killLeftover(
  { process: path }: Pick<JobFolders, 'process'>,
  users: readonly number[] = [],
): Promise<void> {
  const identity = await readFile(path, 'utf8').catch(() => undefined);
  if (identity !== undefined) await signalOwn(identity, { command: COMMAND, users }, 'SIGKILL');
  await rm(path, { force: true });
}

function withReal(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, realpathSync(path)]))];
}

/** Those of these flags that this Node.js knows. */
function flagsOf(flags: readonly string[]): string[] {
  return flags.filter((flag) => process.allowedNodeEnvironmentFlags.has(flag));
}
