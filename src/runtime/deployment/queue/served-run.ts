import type { Job, Queue, Worker } from 'bullmq';
import { NeuroflareError } from '../../base/errors/errors.ts';
import type { Executor, TaskOutcome } from '../../site/executor/executor.ts';
import { simulatedExecutor } from '../../site/simulated-executor.ts';
import { signAnswer } from './answers.ts';
import { type Attempt, dropAttempt, orderOfAttempt } from './attempt-files.ts';
import { jobIdOf, openOrder, type QueuedOrder } from './orders.ts';
import { within } from './pace.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { QueueLink } from './queue-link.ts';
import { forgetQueues, openQueue, takeFrom } from './queues.ts';
import { Said } from './said.ts';
import type { Signed } from './signed.ts';

export interface ServedRunOptions {
  readonly link: QueueLink;
  readonly run: PreparedRun;
  /** Of the worker, in names of files. */
  readonly worker: string;
  readonly threads: number;
  readonly tell: (line: string) => void;
}

/** A worker at work for one run: takes its orders, has them run here, and says what they came to. */
export class ServedRun {
  readonly #options: ServedRunOptions;
  readonly #executor: Executor;
  readonly #answers: Queue<Signed>;
  readonly #takes: Worker<Signed>;
  /** By their places in the queue. */
  readonly #running = new Map<string, AbortController>();
  #unwanted: ReadonlySet<string> = new Set();
  done = 0;

  constructor(options: ServedRunOptions) {
    this.#options = options;
    const { link, run, threads } = options;
    const { key, job, engine } = run;
    this.#executor = simulatedExecutor(job, { size: threads, engine });
    this.#answers = openQueue(link, key, 'answers');
    const line = { key, line: 'orders', concurrency: threads } as const;
    this.#takes = takeFrom(link, line, (job, token) => this.#work(job, token));
  }

  get active(): number {
    return this.#running.size;
  }

  get id(): string {
    return this.#options.run.key.id;
  }

  /** Nobody waits for these any more. */
  stop(jobIds: readonly string[]): void {
    this.#unwanted = new Set(jobIds);
    for (const jobId of jobIds) this.#running.get(jobId)?.abort(new Error('it is not waited for'));
  }

  /** Takes nothing more; `drop`: what runs is given back, else it comes to its end. */
  async close({ drop }: { readonly drop: boolean }): Promise<void> {
    if (drop) for (const stop of this.#running.values()) stop.abort(new Error('the worker stops'));
    const closed = this.#takes.close();
    await (drop ? within(closed) : closed);
    await this.#executor.close();
    await within(this.#answers.close());
    const { link, run } = this.#options;
    await within(forgetQueues(link, run.key));
  }

  async #work(job: Job<Signed>, token: string): Promise<void> {
    const { worker, link, tell } = this.#options;
    const queued = this.#opened(job, tell);
    const attempt: Attempt = { attempt: queued.attempt, worker };
    const jobId = jobIdOf(queued);
    if (this.#unwanted.has(jobId)) return;
    const stop = new AbortController();
    this.#running.set(jobId, stop);
    const said = new Said((events) => this.#say(queued, { events }));
    try {
      const outcome = await this.#executor.run(orderOfAttempt(queued.order, attempt), {
        limit: queued.limit,
        signal: stop.signal,
        emit: (event) => said.hear(event),
      });
      // Before the task counts as done: what lies in neither of the two is begun again.
      await this.#say(queued, { events: said.end(), outcome });
      this.done += 1;
    } catch {
      said.end();
      await dropAttempt(queued.order, attempt);
      if (this.#unwanted.has(jobId)) return;
      // For another worker; of a run that is over it is not there any more.
      await job.moveToWait(token).catch(() => undefined);
      throw new link.bullmq.WaitingError();
    } finally {
      this.#running.delete(jobId);
    }
  }

  /** @throws what ends the task for good in the queue */
  #opened(job: Job<Signed>, tell: (line: string) => void): QueuedOrder {
    const { run, link } = this.#options;
    try {
      return openOrder(job.data, run.key, run.folder.root);
    } catch (thrown) {
      const said =
        thrown instanceof NeuroflareError ? `${thrown.code}: ${thrown.message}` : 'it cannot be read';
      tell(`${said} It is not run.`);
      throw new link.bullmq.UnrecoverableError(said);
    }
  }

  async #say(
    { run, id, attempt }: QueuedOrder,
    heard: {
      readonly events: Parameters<ConstructorParameters<typeof Said>[0]>[0];
      readonly outcome?: TaskOutcome;
    },
  ): Promise<void> {
    const { worker } = this.#options;
    const signed = signAnswer({ run, id, attempt, worker, ...heard }, this.#options.run.key);
    await this.#answers.add('answer', signed);
  }
}
