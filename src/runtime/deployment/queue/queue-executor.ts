import type { Queue, Worker } from 'bullmq';
import { flError, toNeuroflareError } from '../../base/errors/errors.ts';
import type { RunFolder } from '../../run/run-folder.ts';
import type { Executor, TaskOutcome, TaskWatch } from '../../site/executor/executor.ts';
import type { TaskOrder } from '../../site/executor/messages.ts';
import { closedWhileItRan } from '../../site/executor/task-end.ts';
import { openAnswer, type QueuedAnswer } from './answers.ts';
import { dropAttempt, keepAttempt, removeAttempts } from './attempt-files.ts';
import { idOfOrder, jobIdOf, signOrder } from './orders.ts';
import { MOST_STALLED, PACE, repeat, within } from './pace.ts';
import type { QueueLink } from './queue-link.ts';
import { openQueue, stateOf, takeFrom } from './queues.ts';
import type { RunDesk } from './run-desk.ts';
import type { RunKey } from './run-key.ts';
import type { Signed } from './signed.ts';
import { type Outstanding, sweepTask } from './sweep.ts';
import { removeProbes } from './worker-probe.ts';

export interface QueueExecutorOptions {
  readonly link: QueueLink;
  readonly key: RunKey;
  readonly folder: RunFolder;
  readonly desk: RunDesk;
  /** Seconds for which tasks wait for a worker. */
  readonly waitWorkers: number;
  readonly tell: (line: string) => void;
}

/** A task from when it is asked for until it has its outcome. */
interface Asked {
  readonly id: string;
  readonly order: TaskOrder;
  readonly watch: TaskWatch;
  readonly outcome: PromiseWithResolvers<TaskOutcome>;
  readonly since: number;
  state: Outstanding;
  hasStarted: boolean;
  /** Its answer is being taken. */
  isSettling: boolean;
  /** Answers whose files were not there. */
  unseen: number;
}

const HEARD_AT_ONCE = 16;
const MOST_UNSEEN = 3;
/** Answers of an earlier start that are kept until their tasks are asked for again. */
const MOST_EARLY = 10_000;

/** Runs scripts at workers on other machines. What the queue forgets it is told again; an answer counts once. */
export class QueueExecutor implements Executor {
  readonly #options: QueueExecutorOptions;
  readonly #orders: Queue<Signed>;
  readonly #answers: Queue<Signed>;
  readonly #hears: Worker<Signed>;
  readonly #asked = new Map<string, Asked>();
  /** Tasks that this start has asked for, with how often they were put into the queue. */
  readonly #attempts = new Map<string, number>();
  readonly #early = new Map<string, QueuedAnswer>();
  readonly #loops: readonly { stop(): Promise<void> }[];
  #lastFit = Date.now();
  #hasSaidForged = false;
  #isClosed = false;

  constructor(options: QueueExecutorOptions) {
    this.#options = options;
    const { link, key, desk } = options;
    this.#orders = openQueue(link, key, 'orders');
    this.#answers = openQueue(link, key, 'answers');
    const line = { key, line: 'answers', concurrency: HEARD_AT_ONCE } as const;
    this.#hears = takeFrom(link, line, (job) => this.#hear(job.data));
    this.#loops = [repeat(PACE.look, () => desk.look()), repeat(PACE.sweep, () => this.#sweep())];
  }

  async run(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome> {
    const { signal } = watch;
    signal.throwIfAborted();
    if (this.#isClosed) throw closedWhileItRan();
    const id = idOfOrder(order);
    const attempt = (this.#attempts.get(id) ?? 0) + 1;
    const task: Asked = {
      id,
      order,
      watch,
      since: Date.now(),
      outcome: Promise.withResolvers(),
      state: { attempt, missed: 0, refused: 0 },
      hasStarted: false,
      isSettling: false,
      unseen: 0,
    };
    const stop = () => this.#forget(task, signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    this.#asked.set(id, task);
    const early = this.#early.get(id);
    this.#early.delete(id);
    if (early) void this.#take(task, early);
    else this.#put(task);
    try {
      return await task.outcome.promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { link, desk, folder } = this.#options;
    for (const task of this.#asked.values()) task.outcome.reject(closedWhileItRan());
    this.#asked.clear();
    for (const loop of this.#loops) await loop.stop();
    const ended = async () => {
      await desk.end();
      await this.#hears.close(true);
      for (const queue of [this.#orders, this.#answers]) await queue.obliterate({ force: true });
    };
    await within(ended());
    for (const part of [this.#orders, this.#answers, this.#hears]) await within(part.close());
    link.close();
    await removeAttempts(folder.at('sites'));
    await removeProbes(folder);
  }

  #put(task: Asked): void {
    const { id, order, watch, state } = task;
    const { key } = this.#options;
    const { attempt } = state;
    this.#attempts.set(id, attempt);
    const signed = signOrder({ run: key.id, id, attempt, limit: watch.limit, order }, key);
    // What does not arrive is put there by the sweep.
    this.#orders.add('task', signed, { jobId: jobIdOf({ id, attempt }) }).catch(() => undefined);
  }

  async #hear(said: Signed): Promise<void> {
    const answer = openAnswer(said, this.#options.key);
    if (!answer) {
      this.#sayForged();
      return;
    }
    const { id, outcome, events } = answer;
    const task = this.#asked.get(id);
    if (!task) {
      if (outcome && !this.#attempts.has(id) && this.#early.size < MOST_EARLY) this.#early.set(id, answer);
      return;
    }
    for (const event of events) {
      if (event.type === 'started' && task.hasStarted) continue;
      if (event.type === 'started') task.hasStarted = true;
      task.watch.emit(event);
    }
    if (!outcome) return;
    // A worker that had been given up answers, too.
    if (task.isSettling) await dropAttempt(task.order, answer);
    else await this.#take(task, answer);
  }

  async #take(task: Asked, { outcome, attempt, worker }: QueuedAnswer): Promise<void> {
    if (!outcome) return;
    task.isSettling = true;
    try {
      const isKept =
        outcome.type !== 'result' ||
        (await keepAttempt({ order: task.order, answer: outcome.answer, attempt: { attempt, worker } }));
      if (isKept) this.#settle(task, outcome);
      else this.#notSeen(task, worker);
    } catch (thrown) {
      this.#settle(task, { type: 'failure', error: toNeuroflareError(thrown).report() });
    }
  }

  #notSeen(task: Asked, worker: string): void {
    task.isSettling = false;
    task.unseen += 1;
    if (task.unseen < MOST_UNSEEN) {
      this.#again(task, { ...task.state, attempt: task.state.attempt + 1 });
      return;
    }
    const reason = 'the files of its answer are not seen here';
    const error = flError('NF_WORKER_FILES', { worker, path: this.#options.folder.root, reason });
    this.#settle(task, { type: 'failure', error: error.report() });
  }

  #settle(task: Asked, outcome: TaskOutcome): void {
    this.#asked.delete(task.id);
    if (task.state.attempt > 1) this.#takeBack(task);
    task.outcome.resolve(outcome);
  }

  #forget(task: Asked, reason: unknown): void {
    if (this.#asked.get(task.id) === task) this.#asked.delete(task.id);
    this.#takeBack(task);
    task.outcome.reject(reason);
  }

  /** What waits is taken out of the queue, what runs is stopped. */
  #takeBack({ id, state }: Asked): void {
    const all = Array.from({ length: state.attempt }, (_, at) => jobIdOf({ id, attempt: at + 1 }));
    this.#options.desk.stop(all);
    for (const jobId of all) this.#orders.remove(jobId).catch(() => undefined);
  }

  #again(task: Asked, next: Outstanding): void {
    task.state = next;
    this.#put(task);
  }

  async #sweep(): Promise<void> {
    const { desk, waitWorkers } = this.#options;
    const old = [...this.#asked.values()].filter(
      ({ since, isSettling }) => !isSettling && Date.now() - since > PACE.sweep,
    );
    if (desk.fit > 0 || old.length === 0) this.#lastFit = Date.now();
    if (Date.now() - this.#lastFit > waitWorkers * 1000) {
      const error = desk.missing(waitWorkers).report();
      for (const task of old) this.#settle(task, { type: 'failure', error });
      return;
    }
    const states = await Promise.all(
      old.map(({ id, state }) => stateOf(this.#orders, jobIdOf({ id, ...state }))),
    );
    const { waiting = 0, active = 0 } = await this.#answers.getJobCounts('waiting', 'active');
    for (const [at, task] of old.entries()) {
      const state = states[at];
      if (state === undefined || task.isSettling || this.#asked.get(task.id) !== task) continue;
      const step = sweepTask(task.state, state, waiting + active > 0);
      if (step.do === 'again') this.#again(task, step.next);
      else if (step.do === 'wait') task.state = step.next;
      else this.#giveUp(task, step.why);
    }
  }

  #giveUp(task: Asked, why: 'lost' | 'forged'): void {
    const error =
      why === 'lost'
        ? flError('NF_WORKER_LOST', { times: MOST_STALLED + 1 })
        : flError('NF_WORKER_ORDER_FORGED', { reason: 'workers found it changed, again and again' });
    this.#settle(task, { type: 'failure', error: error.report() });
  }

  #sayForged(): void {
    if (this.#hasSaidForged) return;
    this.#hasSaidForged = true;
    this.#options.tell(
      "An answer in the queue was not signed by the run's key and is left aside: somebody else writes there.",
    );
  }
}
