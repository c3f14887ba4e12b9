import { Worker } from 'node:worker_threads';
import { type ErrorReport, flError, toNeuroflareError } from '../kernel/errors.ts';
import { MODULE_EXTENSION } from '../kernel/module-file.ts';
import { closeNativeGate, makeNativeGate, type NativeGate } from '../kernel/native-gate.ts';
import { applyNativeSettings } from '../kernel/native-settings.ts';
import type { EngineSetup, TaskMessage, TaskOrder } from './messages.ts';
import { readMessage } from './read-message.ts';

/** What the pool hands a worker thread when it starts. */
export interface WorkerSetup {
  readonly engine: EngineSetup;
  /** Closed before the thread is ended. */
  readonly gate: NativeGate;
}

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
  /** Seconds. */
  readonly limit: number;
}

interface Slot {
  readonly worker: Worker;
  readonly gate: NativeGate;
  work: Work | undefined;
  timer: NodeJS.Timeout | undefined;
  lastSite: string | undefined;
  tasks: number;
}

/** Each task leaves its script's modules behind in the thread; a new thread now and then keeps memory flat. */
const TASKS_PER_WORKER = 400;
const ENTRY = new URL(`./site-worker${MODULE_EXTENSION}`, import.meta.url);

/** A bounded number of threads for any number of sites. */
export class WorkerPool {
  readonly #size: number;
  readonly #setup: Omit<WorkerSetup, 'gate'>;
  readonly #slots = new Set<Slot>();
  /** Threads on their way out. */
  readonly #ending = new Set<Promise<unknown>>();
  #waiting: Work[] = [];
  #closed = false;

  constructor(size: number, setup: Omit<WorkerSetup, 'gate'>) {
    applyNativeSettings();
    this.#size = size;
    this.#setup = setup;
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
    const wanted = new Set(this.#waiting.map(({ site }) => site));
    const idle = [...this.#slots].filter((slot) => !slot.work);
    const known = idle.find(({ lastSite }) => lastSite !== undefined && wanted.has(lastSite));
    return known ?? (this.#slots.size < this.#size ? this.#spawn() : idle[0]);
  }

  #spawn(): Slot {
    const gate = makeNativeGate();
    const workerData: WorkerSetup = { ...this.#setup, gate };
    const worker = new Worker(ENTRY, { workerData, stdout: true, stderr: true });
    const slot: Slot = { worker, gate, work: undefined, timer: undefined, lastSite: undefined, tasks: 0 };
    this.#slots.add(slot);
    worker.on('message', (said: unknown) => this.#hear(slot, readMessage(said)));
    worker.on('messageerror', (error) => this.#onError(slot, error));
    worker.on('error', (error) => this.#onError(slot, error));
    worker.on('exit', (code) => this.#onExit(slot, code));
    return slot;
  }

  #start(slot: Slot, work: Work): void {
    slot.work = work;
    slot.lastSite = work.site;
    slot.tasks += 1;
    slot.timer = setTimeout(() => this.#onTimeout(slot, work.limit), work.limit * 1000);
    work.listener.started();
    slot.worker.postMessage(work.order);
  }

  #hear(slot: Slot, message: TaskMessage): void {
    const { work } = slot;
    if (!work || message.type === 'ready') return;
    if (message.type === 'failure') {
      this.#fail(slot, message.error);
      return;
    }
    if (message.type === 'result') this.#release(slot);
    work.listener.message(message);
    this.#dispatch();
  }

  #release(slot: Slot): void {
    clearTimeout(slot.timer);
    slot.work = undefined;
    if (slot.tasks >= TASKS_PER_WORKER) void this.#end(slot);
  }

  /** After a failure the thread's state is unknown: it is not used again. */
  #fail(slot: Slot, error: ErrorReport): void {
    const { work } = slot;
    void this.#end(slot);
    work?.listener.failed(error);
    this.#dispatch();
  }

  #onError(slot: Slot, thrown: unknown): void {
    const isMemory = (thrown as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
    const error = isMemory ? flError('NF_SCRIPT_MEMORY') : toNeuroflareError(thrown);
    this.#fail(slot, { ...error.report(), place: { ...error.place, ...placeOf(slot) } });
  }

  #onTimeout(slot: Slot, seconds: number): void {
    const place = placeOf(slot);
    this.#fail(slot, flError('NF_SCRIPT_TIMEOUT', { seconds }, { place }).report());
  }

  #onExit(slot: Slot, code: number): void {
    if (!this.#slots.has(slot)) return;
    const place = placeOf(slot);
    this.#fail(slot, flError('NF_SCRIPT_EXITED', { code }, { place }).report());
  }

  async #end(slot: Slot): Promise<void> {
    clearTimeout(slot.timer);
    slot.work = undefined;
    this.#slots.delete(slot);
    const ending = closeNativeGate(slot.gate).then(() => slot.worker.terminate());
    this.#ending.add(ending);
    await ending;
    this.#ending.delete(ending);
  }
}

function placeOf({ work }: Slot): { site: string; round: number } | undefined {
  return work && { site: work.site, round: work.order.task.context.currentRound };
}
