import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobUser } from '../../security/policy/job-user.ts';
import { endTree, MARK, newMark } from '../executor/end-tree.ts';
import { signalOf } from '../executor/task-end.ts';
import { type Channel, openChannel } from './channel.ts';
import type { ProcessEnd } from './failure.ts';
import { linesOf, type Printed } from './lines.ts';
import type { PythonFailure, PythonMessage, PythonReply, PythonTask, Welcome } from './messages.ts';

/** Where and as whom a process is started. */
export interface PythonPlace {
  readonly interpreter: string;
  /** Words before the command. */
  readonly words: readonly string[];
  readonly spawnAs: JobUser | undefined;
  /** Whose the process is, where that is another user than ours. */
  readonly owner: JobUser | undefined;
  readonly throughShell: boolean;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  started(pid: number): Promise<void>;
  ended(): Promise<void>;
}

export interface PythonCommand {
  /** Absolute paths of the file that runs scripts, and of the script. */
  readonly launcher: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Ranks of one script, by PyTorch's launcher; 1: no launcher. */
  readonly processes: number;
  readonly env: Readonly<Record<string, string>>;
  readonly welcome: Welcome;
}

/** Takes what happens while a task is at hand. */
export interface PythonWatch {
  /** The script begins, or goes on. */
  begun(): void;
  said(message: PythonMessage, reply: (answer: PythonReply) => void): void;
  garbled(reason: string): void;
  printed(text: string): void;
  /** @param before the script took the task */
  ended(end: ProcessEnd, before: boolean): void;
}

/** What it said last may come after the news of its end. */
const LAST_WORDS_MS = 2000;
/** Characters of what it wrote to stderr that are kept for the message of its end. */
const KEPT_ERRORS = 8000;
/** Characters printed between two tasks. */
const KEPT_BETWEEN = 100_000;
/** A timer takes no longer one. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** The process of a script: it asks for tasks, one after another. */
export class PythonProcess {
  readonly interpreter: string;
  /** Tasks that it has answered. */
  answered = 0;
  hasEnded = false;
  /** It was understood once. */
  isKnown = false;
  /** What its script raised. */
  failure: PythonFailure | undefined;
  /** How it ended by itself. */
  lastEnd: ProcessEnd | undefined;
  readonly #child: ChildProcess;
  readonly #place: PythonPlace;
  readonly #welcome: Welcome;
  readonly #mark: string;
  readonly #gone: Promise<void>;
  #channel: Channel | undefined;
  #watch: PythonWatch | undefined;
  #waiting: ((answer: PythonReply) => void) | undefined;
  /** Ends the wait of who asks. */
  #late: NodeJS.Timeout | undefined;
  #next: PythonTask | undefined;
  #isStopping = false;
  #between = '';
  #errors = '';

  private constructor(
    child: ChildProcess,
    place: PythonPlace,
    { welcome, mark }: { welcome: Welcome; mark: string },
  ) {
    this.interpreter = place.interpreter;
    this.#child = child;
    this.#place = place;
    this.#welcome = welcome;
    this.#mark = mark;
    this.#gone = this.#follow();
  }

  static async start(place: PythonPlace, command: PythonCommand): Promise<PythonProcess> {
    let made: PythonProcess | undefined;
    const channel = await openChannel(place.owner, {
      message: (message, reply) => {
        if (made) made.#receive(message, reply);
      },
      garbled: (reason) => {
        if (made) made.#watch?.garbled(reason);
      },
    });
    const mark = newMark();
    const python = [
      place.interpreter,
      '-u',
      '-X',
      'faulthandler',
      ...ranksOf(command.processes),
      command.launcher,
      command.script,
      ...command.args,
    ];
    const [program = '', ...args] = [...place.words, ...python];
    const child = spawn(program, args, {
      cwd: place.home,
      env: {
        ...place.env,
        ...command.env,
        NEUROFLARE_CLIENT: channel.place,
        NEUROFLARE_TOKEN: channel.token,
        [MARK]: mark,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own group, so that what it starts ends with it, and Ctrl-C is for neuroflare alone.
      detached: true,
      ...place.spawnAs,
    });
    made = new PythonProcess(child, place, { welcome: command.welcome, mark });
    made.#channel = channel;
    if (child.pid !== undefined) await place.started(child.pid);
    return made;
  }

  /** Gives it a task, which it takes when it asks for one. */
  give(task: PythonTask, watch: PythonWatch): void {
    this.#watch = watch;
    this.#next = task;
    if (this.#between !== '') watch.printed(this.#between);
    this.#between = '';
    if (this.isKnown) watch.begun();
    if (this.#waiting) this.#hand(this.#waiting);
  }

  /** The task is over. */
  leave(): void {
    this.#watch = undefined;
    this.#next = undefined;
  }

  /** Says that there are no more tasks, and gives it time for its last lines. */
  async finish(seconds: number): Promise<void> {
    this.#isStopping = true;
    if (this.#waiting) this.#hand(this.#waiting);
    await Promise.race([this.#gone, sleep(seconds * 1000, undefined, { ref: false })]);
  }

  /** Ends it with all that it has started. */
  async end(): Promise<void> {
    this.hasEnded = true;
    this.leave();
    await endTree(this.#child, this.#mark);
    await this.#channel?.close();
    await this.#place.ended();
  }

  #receive(message: PythonMessage, reply: (answer: PythonReply) => void): void {
    if (message.type === 'failure') this.failure = message;
    if (message.type === 'hello') {
      reply(this.#welcome);
      // A process that the script starts, or another of its ranks, says hello, too.
      if (!this.isKnown) this.#watch?.begun();
      this.isKnown = true;
    } else if (message.type === 'next') {
      if (this.#next || this.#isStopping) this.#hand(reply);
      else this.#await(reply, message.timeout);
    } else if (this.#watch) this.#watch.said(message, reply);
    else if (message.type === 'result') reply({ type: 'rejected', message: 'the task is over' });
  }

  #await(reply: (answer: PythonReply) => void, timeout: number | null | undefined): void {
    this.#waiting = reply;
    clearTimeout(this.#late);
    if (timeout === null || timeout === undefined) return;
    const late = () => {
      if (this.#waiting !== reply) return;
      this.#waiting = undefined;
      reply({ type: 'none' });
    };
    this.#late = setTimeout(late, Math.min(timeout * 1000, LONGEST_WAIT_MS)).unref();
  }

  #hand(reply: (answer: PythonReply) => void): void {
    clearTimeout(this.#late);
    this.#waiting = undefined;
    reply(this.#next ?? { type: 'stop' });
    this.#next = undefined;
  }

  async #follow(): Promise<void> {
    const child = this.#child;
    const shortBefore = memoryKills();
    const print = ({ text, isError }: Printed) => {
      if (isError) this.#errors = (this.#errors + text).slice(-KEPT_ERRORS);
      if (this.#watch) this.#watch.printed(text);
      else this.#between = (this.#between + text).slice(-KEPT_BETWEEN);
    };
    const flush = [linesOf(child.stdout, false, print), linesOf(child.stderr, true, print)];
    const failed = new Promise<Error>((resolve) => child.once('error', resolve));
    const exited = once(child, 'exit').then(
      ([code, signal]) => ({ code, signal }) as Pick<ProcessEnd, 'code' | 'signal'>,
    );
    const end = await Promise.race([failed, exited]);
    if (!(end instanceof Error)) {
      const closed = Promise.all([child.stdout?.closed || once(child, 'close'), this.#channel?.drained()]);
      await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    }
    for (const rest of flush) rest();
    this.hasEnded = true;
    const wasMemoryShort = (await memoryKills()) > (await shortBefore);
    const told = { errors: this.#errors, wasMemoryShort };
    this.lastEnd =
      end instanceof Error
        ? { ...told, code: 127, signal: null, errors: end.message }
        : { ...told, ...this.#through(end) };
    this.#watch?.ended(this.lastEnd, this.#next !== undefined);
  }

  /** A shell tells of an end by a signal as 128 and its number. */
  #through({ code, signal }: Pick<ProcessEnd, 'code' | 'signal'>): Pick<ProcessEnd, 'code' | 'signal'> {
    const killer = signal ?? (this.#place.throughShell ? signalOf(code) : null);
    return killer === null ? { code, signal: null } : { code: null, signal: killer };
  }
}

/** torchrun on this machine alone; it takes a free port. */
function ranksOf(processes: number): string[] {
  if (processes === 1) return [];
  return ['-m', 'torch.distributed.run', '--standalone', '--nnodes=1', `--nproc_per_node=${processes}`];
}

/** Processes that Linux has ended for want of memory since it started (/proc/vmstat, oom_kill); 0 elsewhere. */
async function memoryKills(): Promise<number> {
  const text = await readFile('/proc/vmstat', 'utf8').catch(() => '');
  return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
}
