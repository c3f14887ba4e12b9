import { delimiter, join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { type ErrorReport, flError, toNeuroflareError } from '../../base/errors/errors.ts';
import { PACKAGE_ROOT } from '../../base/files/package-root.ts';
import { Slots } from '../../base/threads/slots.ts';
import type { JobDefinition } from '../../job/definition.ts';
import type { PythonDefinition } from '../../job/python.ts';
import type { Executor, TaskOutcome, TaskWatch } from '../executor/executor.ts';
import type { TaskOrder } from '../executor/messages.ts';
import { closedWhileItRan } from '../executor/task-end.ts';
import { TaskRun } from '../executor/task-run.ts';
import type { CodePlace } from '../script/resolve-hooks.ts';
import { answerOf } from './answer.ts';
import { outcomeOfEnd, type ProcessEnd, placeOf, raisedFailure } from './failure.ts';
import type { PythonHost } from './hosts.ts';
import type { PythonMessage, PythonReply, PythonResult, PythonTracked } from './messages.ts';
import { type PythonPlace, PythonProcess, type PythonWatch } from './process.ts';
import { pythonTask, welcomeOf } from './python-task.ts';

export interface PythonExecutorOptions {
  readonly job: Pick<JobDefinition, 'executor' | 'siteScriptArgs' | 'name'>;
  readonly host: PythonHost;
  /** Scripts that compute at the same time. */
  readonly size: number;
  /** Seconds until a script begins. */
  readonly startLimit?: number;
}

/** The package of Python that comes with neuroflare: nvflare's Client API, and what runs scripts. */
export const PYTHON_FOLDER = join(PACKAGE_ROOT, 'python');
const LAUNCHER = join(PYTHON_FOLDER, 'neuroflare_script.py');
/** In an argument of a script. */
const STANDS_FOR = /\$\{(data|site)\}/g;
/** A script has so long for its last lines once there are no more tasks. */
const LAST_LINES_SECONDS = 30;

/** One attempt at a task in a process. anew: the process had ended by itself before it took the task. */
type Attempt = TaskOutcome | 'anew';

/**
 * Runs scripts in Python: a process for each site, which lives until the job is over, or for each task (`launch_once: false`). Of processes
 * that live any number may wait; `size` of them have a task at a time.
 */
export class PythonExecutor implements Executor {
  readonly #options: PythonExecutorOptions;
  readonly #python: PythonDefinition;
  readonly #slots: Slots;
  readonly #closing = new AbortController();
  /** By site. */
  readonly #resident = new Map<string, PythonProcess>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: PythonExecutorOptions) {
    const { python } = options.job.executor;
    if (!python) throw new Error('The script of this job is not in Python.');
    this.#options = options;
    this.#python = python;
    this.#slots = new Slots(options.size);
  }

  async run(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome> {
    const signal = AbortSignal.any([watch.signal, this.#closing.signal]);
    const release = await this.#slots.take(signal);
    watch.emit({ type: 'started' });
    const work = this.#runHere(order, { ...watch, signal }).finally(release);
    const settled = work.catch(() => undefined);
    this.#running.add(settled);
    void settled.finally(() => this.#running.delete(settled));
    return work;
  }

  async close(): Promise<void> {
    this.#closing.abort(closedWhileItRan());
    await Promise.all(this.#running);
    const left = [...this.#resident.values()];
    this.#resident.clear();
    await Promise.all(
      left.map(async (process) => {
        await process.finish(LAST_LINES_SECONDS);
        await process.end();
      }),
    );
  }

  async #runHere(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome> {
    const { site, currentRound: round } = order.task.context;
    for (;;) {
      // A site makes what its tasks begin with anew for each of them, and opens it to the user of the process.
      const place = await this.#options.host(order);
      watch.signal.throwIfAborted();
      const process = this.#resident.get(site) ?? (await this.#begin(place, order, watch));
      this.#resident.set(site, process);
      try {
        const outcome = await this.#attempt(process, order, watch);
        if (outcome !== 'anew' && outcome.type === 'result' && this.#python.launchOnce) return outcome;
        await this.#drop(site, process);
        if (outcome !== 'anew') return outcome;
        watch.emit({
          type: 'log',
          text: `neuroflare: the script had ended; it begins anew in round ${round}\n`,
        });
      } catch (error) {
        await this.#drop(site, process);
        throw error;
      }
    }
  }

  async #drop(site: string, process: PythonProcess): Promise<void> {
    if (this.#resident.get(site) === process) this.#resident.delete(site);
    await process.end();
  }

  /** A new process. Of one that lives for the whole job nothing is left where it begins later. */
  async #begin(place: PythonPlace, order: TaskOrder, { emit }: TaskWatch): Promise<PythonProcess> {
    const { site, currentRound: round, totalRounds } = order.task.context;
    if (this.#python.launchOnce && round > 1 && round <= totalRounds) {
      const text = `neuroflare: ${site} begins anew in round ${round}: what its script kept in memory is lost, and the run is not one that repeats itself\n`;
      emit({ type: 'log', text });
    }
    const { bundle } = order.task.code;
    const { seed, data } = order.task.context;
    const { job } = this.#options;
    const args = job.siteScriptArgs[site] ?? this.#python.scriptArgs;
    return PythonProcess.start(place, {
      launcher: LAUNCHER,
      script: join(bundle, order.task.script),
      args: args.map((arg) =>
        arg.replaceAll(STANDS_FOR, (_, name) => (name === 'site' ? site : (data?.root ?? ''))),
      ),
      processes: this.#python.processes,
      env: {
        PYTHONFAULTHANDLER: '1',
        PYTHONPATH: [PYTHON_FOLDER, bundle, ...(place.env.PYTHONPATH ? [place.env.PYTHONPATH] : [])].join(
          delimiter,
        ),
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONIOENCODING: 'utf-8',
        PYTHONHASHSEED: String(seed),
        NEUROFLARE_SEED: String(seed),
        NEUROFLARE_BUNDLE: bundle,
      },
      welcome: welcomeOf(job.name, site, this.#python),
    });
  }

  async #attempt(process: PythonProcess, order: TaskOrder, watch: TaskWatch): Promise<Attempt> {
    const { promise, resolve } = Promise.withResolvers<Attempt>();
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => undefined);
    const stop = () => stopped.reject(watch.signal.reason);
    watch.signal.throwIfAborted();
    if (process.hasEnded) return lateFailure(process, order) ?? unanswered(process, order) ?? 'anew';
    const run = new TaskRun({ watch, onEnd: resolve, startLimit: this.#options.startLimit });
    watch.signal.addEventListener('abort', stop, { once: true });
    try {
      const again = () => resolve('anew');
      process.give(pythonTask(order), watching({ process, order, run, watch, again }));
      const outcome = await Promise.race([promise, stopped.promise]);
      if (outcome === 'anew' || outcome.type !== 'result' || this.#python.launchOnce) return outcome;
      await Promise.race([process.finish(LAST_LINES_SECONDS), stopped.promise]);
      return lateFailure(process, order) ?? outcome;
    } finally {
      run.drop();
      process.leave();
      watch.signal.removeEventListener('abort', stop);
    }
  }
}

interface Watched {
  readonly process: PythonProcess;
  readonly order: TaskOrder;
  readonly run: TaskRun;
  readonly watch: TaskWatch;
  readonly again: () => void;
}

function watching({ process, order, run, watch, again }: Watched): PythonWatch {
  const { code } = order.task;
  const fail = (error: ErrorReport) => run.end({ type: 'failure', error });
  let isAnswered = false;
  return {
    begun: () => run.receive({ type: 'started' }),
    said: (message, reply) => {
      // A task has one answer: a thousand at once would have their file read a thousand times.
      if (message.type === 'result' && isAnswered)
        return reply({ type: 'rejected', message: 'the task was answered before' });
      isAnswered ||= message.type === 'result';
      hear(message, reply, { process, order, run }).catch((thrown) =>
        fail(toNeuroflareError(thrown).report()),
      );
    },
    garbled: (reason) => fail(flError('NF_SCRIPT_MESSAGE', { reason }).report()),
    printed: (text) => watch.emit({ type: 'log', text }),
    ended: (end, before) => {
      // A script that answers some tasks and returns is started again for the next.
      if (before && process.answered > 0 && end.code === 0) again();
      else run.end(outcomeOf(process, end, code));
    },
  };
}

async function hear(
  message: PythonMessage,
  reply: (answer: PythonReply) => void,
  { process, order, run }: Pick<Watched, 'process' | 'order' | 'run'>,
): Promise<void> {
  const { code } = order.task;
  if (message.type === 'log') run.receive({ type: 'log', text: trackedText(message) });
  // What was printed before is on its way in a pipe of its own.
  if (message.type === 'result' || message.type === 'failure')
    for (let turn = 0; turn < 3; turn++) await tick();
  if (message.type === 'failure') run.end({ type: 'failure', error: raisedFailure(message, code) });
  if (message.type !== 'result') return;
  try {
    const result = await answerOf(requireOwn(message, order), order);
    process.answered++;
    reply({ type: 'accepted' });
    run.receive({ type: 'result', result });
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    const place = message.at ? placeOf(message.at, code) : undefined;
    run.end({ type: 'failure', error: { ...error.report(), ...(place && { place }) } });
    reply({ type: 'rejected', message: `${error.code}: ${error.message}` });
  }
}

/** What a script came to after it had answered: it raised, or ended its process with a code of its own. */
function lateFailure(process: PythonProcess, { task: { code } }: TaskOrder): TaskOutcome | undefined {
  const { failure, lastEnd } = process;
  if (failure) return { type: 'failure', error: raisedFailure(failure, code) };
  return lastEnd === undefined || lastEnd.code === 0 ? undefined : outcomeOf(process, lastEnd, code);
}

/** A script that ended before it was given its first task will do so again. */
function unanswered(process: PythonProcess, { task: { code } }: TaskOrder): TaskOutcome | undefined {
  const { answered, lastEnd } = process;
  return answered > 0 || lastEnd === undefined ? undefined : outcomeOf(process, lastEnd, code);
}

function outcomeOf(process: PythonProcess, end: ProcessEnd, code: CodePlace): TaskOutcome {
  if (process.isKnown || !isNotStarted(end)) return outcomeOfEnd(end, code);
  return { type: 'failure', error: notStarted(process.interpreter, end) };
}

function requireOwn(message: PythonResult, order: TaskOrder): PythonResult {
  if (message.id === pythonTask(order).id) return message;
  throw flError('NF_RESULT_INVALID', { reason: 'it answers another task' });
}

function trackedText({ key, value, step }: PythonTracked): string {
  const at = step === null || step === undefined ? '' : ` at step ${JSON.stringify(step)}`;
  return `${key} = ${JSON.stringify(value)}${at}\n`;
}

/** What a shell says of a program that is not there, or that it may not run. */
function isNotStarted({ code }: ProcessEnd): boolean {
  return code === 126 || code === 127;
}

function notStarted(interpreter: string, { errors }: ProcessEnd): ErrorReport {
  const last = errors.trim().split('\n').at(-1) ?? '';
  return flError('NF_PYTHON_MISSING', { interpreter, reason: `cannot be started (${last})` }).report();
}
