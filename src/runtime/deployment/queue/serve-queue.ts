import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { toNeuroflareError } from '../../base/errors/errors.ts';
import { packageVersion } from '../../base/files/package-version.ts';
import { PACE, within } from './pace.ts';
import { type Own, type PreparedRun, prepareRun } from './prepare-run.ts';
import { processorOf } from './processor.ts';
import { parseQueueAddress } from './queue-address.ts';
import { openLink, type QueueLink } from './queue-link.ts';
import {
  type AnnouncedRun,
  openRun,
  Records,
  type Refusal,
  type RunRecord,
  type WorkerRecord,
} from './records.ts';
import { ServedRun } from './served-run.ts';
import { refusalOf } from './verdict.ts';

export interface ServeQueueOptions {
  /** As typed. */
  readonly queue: string | undefined;
  /** Tasks at the same time. */
  readonly threads: number;
  readonly gpu?: string | undefined;
  readonly requireGpu: boolean;
  /** `JOB/RUN_ID` of the one run to work for; default: any. */
  readonly run?: string | undefined;
  /** Seconds without a task after which it ends. */
  readonly idleExit?: number | undefined;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Served {
  readonly worker: string;
  readonly done: number;
}

/** A run that could not be prepared is looked at again after so many milliseconds: its data may have come. */
const AGAIN_MS = 5000;

type Known = { readonly prepared: PreparedRun } | { readonly refusal: Refusal; readonly at: number };

/** Works for the runs of a queue, until it is stopped or has been idle for long. @throws as `openLink` does */
export async function serveQueue(options: ServeQueueOptions): Promise<Served> {
  const address = parseQueueAddress(options.queue);
  const link = await openLink(address, options.tell);
  const worker = new QueueWorker(link, options, await processorOf());
  options.tell(`Worker ${worker.name}, ${worker.processor}, waits for runs at ${address.shown}.`);
  try {
    await worker.serve();
  } finally {
    await worker.close();
    link.close();
  }
  return { worker: worker.name, done: worker.done };
}

class QueueWorker {
  readonly name = `${hostname()}-${process.pid}`;
  readonly processor: string;
  readonly #link: QueueLink;
  readonly #options: ServeQueueOptions;
  readonly #records: Records;
  readonly #own: Own;
  readonly #since = new Date().toISOString();
  readonly #known = new Map<string, Known>();
  readonly #told = new Set<string>();
  #serving: ServedRun | undefined;
  #runName: string | undefined;
  #doneBefore = 0;
  #lastBusy = Date.now();

  constructor(link: QueueLink, options: ServeQueueOptions, processor: string) {
    const { gpu, requireGpu } = options;
    this.#link = link;
    this.#options = options;
    this.#records = new Records(link);
    this.#own = { id: randomBytes(4).toString('hex'), name: this.name, gpu, requireGpu };
    this.processor = processor;
  }

  get done(): number {
    return this.#doneBefore + (this.#serving?.done ?? 0);
  }

  async serve(): Promise<void> {
    const { signal, idleExit } = this.#options;
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      // A queue that does not answer must not keep a worker from being stopped.
      await Promise.race([this.#look(), stopped]);
      if ((this.#serving?.active ?? 0) > 0) this.#lastBusy = Date.now();
      if (idleExit !== undefined && Date.now() - this.#lastBusy > idleExit * 1000) return;
      await sleep(PACE.look, undefined, { signal }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#leave({ drop: true });
    await within(this.#records.dropWorker(this.#own.id));
  }

  async #look(): Promise<void> {
    await this.#records.putWorker(this.#record());
    const announced = await this.#records.runs();
    const open = (await Promise.all(announced.map((run) => this.#seen(run)))).flatMap((run) => run ?? []);
    await this.#follow(open);
    for (const id of this.#known.keys()) if (!announced.some((run) => run.id === id)) this.#known.delete(id);
    if (this.#serving) return;
    const [next] = open
      .filter(({ record }) => !record.ended && record.verdicts[this.#own.id] === 'fit')
      .sort((a, b) => fitOf(a.record) - fitOf(b.record) || (a.record.since < b.record.since ? -1 : 1));
    if (next) this.#begin(next);
  }

  /** Leaves a run that is over, or that wants this worker no more; where its head is gone what runs comes to its end. */
  async #follow(open: readonly PreparedRun[]): Promise<void> {
    const serving = this.#serving;
    if (!serving) return;
    const record = open.find(({ key }) => key.id === serving.id)?.record;
    if (!record) return serving.active === 0 ? this.#leave({ drop: false }) : undefined;
    serving.stop(record.stopped);
    const verdict = record.verdicts[this.#own.id];
    // A queue that was emptied knows of no verdict for a moment.
    if (record.ended || (verdict !== undefined && verdict !== 'fit')) await this.#leave({ drop: true });
  }

  #begin(run: PreparedRun): void {
    const { threads, tell } = this.#options;
    this.#runName = run.record.name;
    this.#lastBusy = Date.now();
    tell(`Works for ${run.record.name}.`);
    this.#serving = new ServedRun({ link: this.#link, run, worker: this.#own.id, threads, tell });
  }

  async #leave(how: { readonly drop: boolean }): Promise<void> {
    const serving = this.#serving;
    if (!serving) return;
    await serving.close(how);
    this.#doneBefore += serving.done;
    this.#serving = undefined;
    this.#options.tell(`Is done with ${this.#runName}.`);
    this.#runName = undefined;
  }

  /** What the worker knows of a run, with what the run says now. */
  async #seen(announced: AnnouncedRun): Promise<PreparedRun | undefined> {
    const { id } = announced;
    const known = this.#known.get(id);
    if (known && 'prepared' in known) {
      const record = openRun(announced, known.prepared.key);
      return record && { ...known.prepared, record };
    }
    if (known && Date.now() - known.at < AGAIN_MS) return undefined;
    try {
      const prepared = await prepareRun(announced, this.#own);
      const { run } = this.#options;
      if (run !== undefined && run !== prepared.record.name) return undefined;
      this.#known.set(id, { prepared });
      return prepared;
    } catch (thrown) {
      const refusal = refusalOf(toNeuroflareError(thrown));
      this.#known.set(id, { refusal, at: Date.now() });
      this.#tellOnce(`${refusal.code}: ${refusal.message}`);
      return undefined;
    }
  }

  #tellOnce(line: string): void {
    if (this.#told.has(line)) return;
    this.#told.add(line);
    this.#options.tell(line);
  }

  #record(): WorkerRecord {
    const { threads, gpu } = this.#options;
    const asks = [...this.#known].map(([id, known]) => [
      id,
      'prepared' in known ? { class: known.prepared.class } : { refusal: known.refusal },
    ]);
    return {
      id: this.#own.id,
      name: this.name,
      version: packageVersion(),
      processor: this.processor,
      threads,
      gpu: gpu ?? null,
      since: this.#since,
      run: this.#runName ?? null,
      active: this.#serving?.active ?? 0,
      done: this.done,
      asks: Object.fromEntries(asks),
    };
  }
}

function fitOf({ verdicts }: RunRecord): number {
  return Object.values(verdicts).filter((verdict) => verdict === 'fit').length;
}
