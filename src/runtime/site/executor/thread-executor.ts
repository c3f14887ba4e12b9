import { applyNativeSettings } from '../../base/threads/native-settings.ts';
import type { Executor, TaskOutcome, TaskWatch } from './executor.ts';
import type { TaskMessage, TaskOrder } from './messages.ts';
import { startProcess } from './process-host.ts';
import { closedWhileItRan } from './task-end.ts';
import type { HostSetup, StartHost, TaskHost } from './task-host.ts';
import { TaskRun } from './task-run.ts';
import { startThread } from './thread-host.ts';

/** A task from when it is asked for until it has its outcome. */
interface Work {
  readonly site: string;
  readonly order: TaskOrder;
  readonly watch: TaskWatch;
  readonly outcome: PromiseWithResolvers<TaskOutcome>;
}

interface Slot {
  readonly host: TaskHost;
  /** The task at hand. */
  at: { readonly work: Work; readonly run: TaskRun } | undefined;
  lastSite: string | undefined;
  tasks: number;
}

export interface ThreadExecutorOptions extends HostSetup {
  /** Seconds until a script begins. */
  readonly startLimit?: number;
}

/** Each task leaves its script's modules behind in the thread; a new thread now and then keeps memory flat. */
const TASKS_PER_THREAD = 400;

/** A bounded number of threads for any number of sites; processes once a script needs one. */
export class ThreadExecutor implements Executor {
  readonly #size: number;
  readonly #options: ThreadExecutorOptions;
  readonly #slots = new Set<Slot>();
  #startHost: StartHost = startThread;
  /** Threads on their way out. */
  readonly #ending = new Set<Promise<unknown>>();
  #waiting: Work[] = [];
  #isClosed = false;

  constructor(size: number, options: ThreadExecutorOptions) {
    applyNativeSettings();
    this.#size = size;
    this.#options = options;
  }

  /** Starts all threads, for tasks that are to come soon. */
  start(): void {
    while (this.#slots.size < this.#size) this.#spawn();
  }

  async run(order: TaskOrder, watch: TaskWatch): Promise<TaskOutcome> {
    const { signal } = watch;
    signal.throwIfAborted();
    if (this.#isClosed) throw closedWhileItRan();
    const { site } = order.task.context;
    const work: Work = { site, order, watch, outcome: Promise.withResolvers() };
    const stop = () => this.#stop(work, signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    this.#waiting.push(work);
    this.#dispatch();
    try {
      return await work.outcome.promise;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const waiting = this.#waiting.splice(0);
    const running = [...this.#slots].flatMap(({ at }) => at?.work ?? []);
    for (const { outcome } of [...waiting, ...running]) outcome.reject(closedWhileItRan());
    for (const slot of this.#slots) void this.#end(slot);
    await Promise.all(this.#ending);
  }

  /** Forgets a task that waits, or ends the thread that runs it. */
  #stop(work: Work, reason: unknown): void {
    this.#waiting = this.#waiting.filter((one) => one !== work);
    for (const slot of this.#slots) if (slot.at?.work === work) void this.#end(slot);
    work.outcome.reject(reason);
    this.#dispatch();
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const slot = this.#idleSlot();
      if (!slot) return;
      const work = this.#take(slot.lastSite);
      if (work) this.#start(slot, work);
    }
  }

  /** A thread that ran this site before holds its decoded images and compiled model. */
  #take(lastSite: string | undefined): Work | undefined {
    const at = Math.max(
      0,
      this.#waiting.findIndex((work) => work.site === lastSite),
    );
    return this.#waiting.splice(at, 1)[0];
  }

  #idleSlot(): Slot | undefined {
    const idle = [...this.#slots].filter((slot) => !slot.at);
    const known = idle.find(({ lastSite }) => this.#waiting.some(({ site }) => site === lastSite));
    return known ?? (this.#slots.size < this.#size ? this.#spawn() : idle[0]);
  }

  #spawn(): Slot {
    const host = this.#startHost(this.#options, {
      message: (message) => this.#receive(slot, message),
      ended: (outcome) => this.#onEnd(slot, outcome),
    });
    const slot: Slot = { host, at: undefined, lastSite: undefined, tasks: 0 };
    this.#slots.add(slot);
    return slot;
  }

  #start(slot: Slot, work: Work): void {
    const { watch, order, site } = work;
    const onEnd = (outcome: TaskOutcome) => this.#settle(slot, outcome);
    slot.at = { work, run: new TaskRun({ watch, onEnd, startLimit: this.#options.startLimit }) };
    slot.lastSite = site;
    slot.tasks += 1;
    watch.emit({ type: 'started' });
    slot.host.post(order);
  }

  #receive(slot: Slot, message: TaskMessage): void {
    if (message.type === 'needs-process') this.#beginInProcess(slot);
    else slot.at?.run.receive(message);
  }

  #settle(slot: Slot, outcome: TaskOutcome): void {
    const { at } = slot;
    // After a failure the thread's state is unknown: it is not used again.
    const isUsedUp = outcome.type !== 'result' || at?.run.hasLeft || slot.tasks >= TASKS_PER_THREAD;
    slot.at = undefined;
    if (isUsedUp) void this.#end(slot);
    at?.work.outcome.resolve(outcome);
    this.#dispatch();
  }

  /** Begins the task anew, and all later ones of the job, which have the same script. */
  #beginInProcess(slot: Slot): void {
    const work = slot.at?.work;
    if (!work) return;
    this.#startHost = startProcess;
    void this.#end(slot);
    for (const other of this.#slots) if (!other.at) void this.#end(other);
    this.#waiting.unshift(work);
    this.#dispatch();
  }

  /** One that had nothing to do is replaced when it is needed. */
  #onEnd(slot: Slot, outcome: TaskOutcome): void {
    if (!this.#slots.has(slot)) return;
    if (slot.at) slot.at.run.end(outcome);
    else {
      void this.#end(slot);
      this.#dispatch();
    }
  }

  async #end(slot: Slot): Promise<void> {
    slot.at?.run.drop();
    slot.at = undefined;
    this.#slots.delete(slot);
    const ending = slot.host.end();
    this.#ending.add(ending);
    await ending;
    this.#ending.delete(ending);
  }
}
