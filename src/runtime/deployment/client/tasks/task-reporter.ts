import type { TaskEvent } from '../../../site/executor/executor.ts';
import type { ServerLink } from '../server-link.ts';

/** Between two signs of progress, in milliseconds. */
const PAUSE_MS = 1000;

/**
 * Tells the server how far a task is: the newest step now and then, and never in the way of the task. What a script says is told as whole
 * percents that grow, so that its numbers carry nothing else.
 */
export class TaskReporter {
  readonly #link: Pick<ServerLink, 'report'>;
  readonly #task: { readonly job: string; readonly task: string };
  #percent = -1;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(link: Pick<ServerLink, 'report'>, task: { job: string; task: string }) {
    this.#link = link;
    this.#task = task;
    this.#send({ started: true });
  }

  receive(event: TaskEvent): void {
    if (event.type !== 'progress') return;
    const percent = Math.floor((100 * event.done) / event.total);
    if (!(percent > this.#percent && percent <= 100)) return;
    this.#percent = percent;
    this.#timer ??= setTimeout(() => this.#flush(), PAUSE_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
  }

  #flush(): void {
    this.#timer = undefined;
    this.#send({ progress: { done: this.#percent, total: 100 } });
  }

  #send(part: Omit<Parameters<ServerLink['report']>[1], 'task'>): void {
    const { job, task } = this.#task;
    this.#sending = this.#sending
      .then(() => this.#link.report(job, { task, ...part }))
      .catch(() => undefined);
  }
}
