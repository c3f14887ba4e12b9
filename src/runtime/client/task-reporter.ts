import type { TaskMessage } from '../executor/messages.ts';
import type { ServerLink } from './server-link.ts';

/** Between two signs of progress, in milliseconds. */
const PAUSE_MS = 1000;

/** Tells the server how far a task is: the newest step now and then, and never in the way of the task. */
export class TaskReporter {
  readonly #link: ServerLink;
  readonly #task: { readonly job: string; readonly round: number };
  #step: { done: number; total: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(link: ServerLink, task: { job: string; round: number }) {
    this.#link = link;
    this.#task = task;
    this.#send({ started: true });
  }

  hear(message: TaskMessage): void {
    if (message.type !== 'progress') return;
    this.#step = { done: message.done, total: message.total };
    this.#timer ??= setTimeout(() => this.#flush(), PAUSE_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#step) this.#send({ progress: this.#step });
  }

  #send(part: Omit<Parameters<ServerLink['report']>[1], 'round'>): void {
    const { job, round } = this.#task;
    this.#sending = this.#sending
      .then(() => this.#link.report(job, { round, ...part }))
      .catch(() => undefined);
  }
}
