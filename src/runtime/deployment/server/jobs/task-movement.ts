import { TASK_LIMITS } from '../../../base/limits.ts';
import type { SiteSession } from '../sites/site-registry.ts';

/** Fewer bytes than this in all the time a site has are no movement: one a second must not hold a round open for ever. */
export const MOVING_BYTES = 64 * 1024;

/** What a task can need at a site that is honest. */
export interface TaskNeeds {
  /** Bytes of its model, and of an update. */
  readonly model: number;
  /** Bytes of the job's files. */
  readonly files: number;
  /** Seconds its script has. */
  readonly taskTimeout: number;
}

/** Jobs that run at a site at the moment, and the milliseconds one task of theirs can last. */
export type OtherJobs = () => ReadonlyMap<string, number>;

/** Longest time in which a site runs a script, with all beginnings of it, in milliseconds. */
export function longestRun(taskTimeout: number): number {
  const { beginnings, start_seconds: start } = TASK_LIMITS;
  return beginnings.most * (taskTimeout + start.most) * 1000;
}

/**
 * When a site last moved on with its task. All that counts as movement has an end: the time in which it says that it runs or is queued,
 * and the bytes, each as much as a site can need that is honest. So none holds a round open for ever, and none is cut that is at work.
 */
export class TaskMovement {
  /** Of the monotonic clock, in milliseconds. */
  #at: number;
  readonly #needs: TaskNeeds;
  #begun = 0;
  /** Milliseconds that it has said it runs, and that it is queued. */
  #ran = 0;
  #queued = 0;
  /** Milliseconds that tasks of the jobs before it can last. */
  readonly #before = new Map<string, number>();
  /** Bytes that went to the site and came from it, as the server saw them. */
  readonly #carried = { in: 0, out: 0 };
  /** Bytes that it has said have come, in all and when it last spoke of them. */
  #told = 0;
  #lastTold: number | undefined;

  constructor(needs: TaskNeeds, now: number) {
    this.#needs = needs;
    this.#at = now;
  }

  /** Milliseconds since the site moved on. */
  since(now: number): number {
    return now - this.#at;
  }

  /** The site has begun the task. */
  begun(): void {
    this.#begun += 1;
  }

  /** Begun more often, or run longer in all, than a site that is honest can. */
  get isWornOut(): boolean {
    return this.#begun > TASK_LIMITS.beginnings.most || this.#ran > longestRun(this.#needs.taskTimeout);
  }

  carried(direction: 'in' | 'out', bytes: number, now: number): void {
    const { model, files } = this.#needs;
    this.#carried[direction] += bytes;
    const most = TASK_LIMITS.transfers.most * (direction === 'out' ? model + files : model);
    if (this.#carried[direction] <= most) this.#at = now;
  }

  /** What the site says of itself. A script has its own limit at the site (executor.task_timeout). */
  said({ phase, bytes = 0, trouble }: SiteSession['jobs'][number], now: number, others: OtherJobs): void {
    if (trouble) return;
    if (phase === 'running') this.#run(now);
    else if (phase === 'queued') this.#queue(now, others());
    else this.#fetch(bytes, now);
  }

  #run(now: number): void {
    if (this.isWornOut) return;
    // All the time since it last moved: it could say so now and then only.
    this.#ran += now - this.#at;
    this.#at = now;
  }

  /** Tasks at a site are taken up in the order they came: of each other job one can be before it. */
  #queue(now: number, others: ReadonlyMap<string, number>): void {
    for (const [job, longest] of others) this.#before.set(job, longest);
    const most = [...this.#before.values()].reduce((sum, one) => sum + one, 0);
    if (others.size === 0 || this.#queued > most) return;
    this.#queued += now - this.#at;
    this.#at = now;
  }

  /** The sender does not see what waits on the line; but no more can have come than was sent. */
  #fetch(bytes: number, now: number): void {
    const last = Math.min(this.#lastTold ?? bytes, bytes);
    const moved = bytes - last;
    if (moved < MOVING_BYTES) {
      this.#lastTold = last;
      return;
    }
    this.#lastTold = bytes;
    this.#told += moved;
    const most = Math.min(this.#carried.out, TASK_LIMITS.transfers.most * this.#needs.model);
    if (this.#told <= most) this.#at = now;
  }
}
