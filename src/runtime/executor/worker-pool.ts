import type { ErrorReport } from '../kernel/errors.ts';
import { applyNativeSettings } from '../kernel/native-settings.ts';
import type { EngineSetup, TaskMessage, TaskOrder } from './messages.ts';
import { startProcess } from './process-host.ts';
import { TaskClock } from './task-clock.ts';
import type { StartHost, TaskHost } from './task-host.ts';
import { startThread } from './thread-host.ts';

/** What becomes of one order; `failure` and `result` are the last to be called. */
export interface OrderListener {
  started(): void;
  message(message: TaskMessage): void;
  failed(error: ErrorReport): void;
}

interface Work {
  readonly site: string;
  readonly order: TaskOrder;
  readonly listener: OrderListener;
  /** Seconds the script may take. */
  readonly limit: number;
}

interface Slot {
  readonly host: TaskHost;
  work: Work | undefined;
  clock: TaskClock | undefined;
  lastSite: string | undefined;
  tasks: number;
  /** The script has left something there that the next task would find. */
  isUsedUp: boolean;
}

/** Each task leaves its script's modules behind in the thread; a new thread now and then keeps memory flat. */
const TASKS_PER_WORKER = 400;

/** A bounded number of threads for any number of sites; processes once a script needs one. */
export class WorkerPool {
  readonly #size: number;
  readonly #engine: EngineSetup;
  readonly #startLimit: number | undefined;
  readonly #slots = new Set<Slot>();
  #startHost: StartHost = startThread;
  /** Threads on their way out. */
  readonly #ending = new Set<Promise<unknown>>();
  #waiting: Work[] = [];
  #closed = false;

  /** @param startLimit seconds until a script begins */
  constructor(size: number, { engine, startLimit }: { engine: EngineSetup; startLimit?: number }) {
    applyNativeSettings();
    this.#size = size;
    this.#engine = engine;
    this.#startLimit = startLimit;
  }

  run(work: Work): void {
    this.#waiting.push(work);
    this.#dispatch();
  }

  /** Forgets a waiting order, or ends the thread that runs it. Its listener hears nothing more. */
  cancel(site: string): void {
    this.#waiting = this.#waiting.filter((work) => work.site !== site);
    for (const slot of this.#slots) if (slot.work?.site === site) void this.#end(slot);
    this.#dispatch();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    for (const slot of this.#slots) void this.#end(slot);
    await Promise.all(this.#ending);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
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
    const idle = [...this.#slots].filter((slot) => !slot.work);
    const known = idle.find(({ lastSite }) => this.#waiting.some(({ site }) => site === lastSite));
    return known ?? (this.#slots.size < this.#size ? this.#spawn() : idle[0]);
  }

  #spawn(): Slot {
    const host = this.#startHost(this.#engine, {
      message: (message) => this.#hear(slot, message),
      ended: (error) => this.#onEnd(slot, error),
    });
    const idle = { work: undefined, clock: undefined, lastSite: undefined };
    const slot: Slot = { host, ...idle, tasks: 0, isUsedUp: false };
    this.#slots.add(slot);
    return slot;
  }

  #start(slot: Slot, work: Work): void {
    slot.work = work;
    slot.lastSite = work.site;
    slot.tasks += 1;
    const limits = { limit: work.limit, startLimit: this.#startLimit };
    slot.clock = new TaskClock(limits, (error) => this.#failHere(slot, error));
    work.listener.started();
    slot.host.post(work.order);
  }

  #hear(slot: Slot, message: TaskMessage): void {
    const { work } = slot;
    if (!work || message.type === 'ready') return;
    if (message.type === 'started') {
      slot.clock?.begin();
      return;
    }
    if (message.type === 'failure') {
      this.#fail(slot, message.error);
      return;
    }
    if (message.type === 'needs-process') {
      this.#beginInProcess(slot, work);
      return;
    }
    if (message.type === 'left') slot.isUsedUp = true;
    if (message.type === 'result') this.#release(slot);
    work.listener.message(message);
    this.#dispatch();
  }

  #release(slot: Slot): void {
    slot.clock?.stop();
    slot.work = undefined;
    if (slot.isUsedUp || slot.tasks >= TASKS_PER_WORKER) void this.#end(slot);
  }

  /** Begins the task anew, and all later ones of the job, which have the same script. */
  #beginInProcess(slot: Slot, work: Work): void {
    this.#startHost = startProcess;
    void this.#end(slot);
    for (const other of this.#slots) if (!other.work) void this.#end(other);
    this.#waiting.unshift(work);
    this.#dispatch();
  }

  /** After a failure the thread's state is unknown: it is not used again. */
  #fail(slot: Slot, error: ErrorReport): void {
    const { work } = slot;
    void this.#end(slot);
    work?.listener.failed(error);
    this.#dispatch();
  }

  #onEnd(slot: Slot, error: ErrorReport): void {
    if (this.#slots.has(slot)) this.#failHere(slot, error);
  }

  #failHere(slot: Slot, error: ErrorReport): void {
    this.#fail(slot, { ...error, place: { ...error.place, ...placeOf(slot) } });
  }

  async #end(slot: Slot): Promise<void> {
    slot.clock?.stop();
    slot.work = undefined;
    this.#slots.delete(slot);
    const ending = slot.host.end();
    this.#ending.add(ending);
    await ending;
    this.#ending.delete(ending);
  }
}

function placeOf({ work }: Slot): { site: string; round: number } | undefined {
  return work && { site: work.site, round: work.order.task.context.currentRound };
}
