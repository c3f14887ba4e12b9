import type { ServerResponse } from 'node:http';
import { flError } from '../../base/errors/errors.ts';
import type { Limit } from '../../base/limits.ts';

/** Something that is under way, for as long as anybody holds it. */
export interface Turn {
  /** Returns what lets it go; it may be called more than once. */
  hold(): () => void;
}

/** How much of a kind may be under way at a time, things or bytes: of one participant, and of all together. */
export class Turns {
  readonly #each: Limit;
  readonly #all: Limit | undefined;
  readonly #of = new Map<string, number>();
  #total = 0;

  constructor({ each, all }: { each: Limit; all?: Limit }) {
    this.#each = each;
    this.#all = all;
  }

  /** @throws NF_AT_ONCE */
  enter(name: string, amount = 1): Turn {
    const own = (this.#of.get(name) ?? 0) + amount;
    if (own > this.#each.most) throw tooMany(this.#each, name);
    if (this.#all && this.#total + amount > this.#all.most) throw tooMany(this.#all, 'everybody together');
    this.#of.set(name, own);
    this.#total += amount;
    let holders = 0;
    const leave = () => {
      this.#total -= amount;
      const left = (this.#of.get(name) ?? amount) - amount;
      if (left === 0) this.#of.delete(name);
      else this.#of.set(name, left);
    };
    return {
      hold: () => {
        let held = true;
        holders++;
        return () => {
          if (held && --holders === 0) leave();
          held = false;
        };
      },
    };
  }

  /** Does work in a turn of its own. @throws NF_AT_ONCE */
  async during<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const done = this.enter(name).hold();
    try {
      return await work();
    } finally {
      done();
    }
  }
}

/** Things of one kind that come one after another: few under way at a time of one name, few more waiting in the order they came. */
export class Lines {
  readonly #atOnce: Limit;
  readonly #waiting: Limit;
  readonly #of = new Map<string, { busy: number; readonly next: (() => void)[] }>();

  constructor({ atOnce, waiting }: { atOnce: Limit; waiting: Limit }) {
    this.#atOnce = atOnce;
    this.#waiting = waiting;
  }

  /** Settles when its turn has come; gives what ends it, which may be called more than once. @throws NF_AT_ONCE, the signal's reason */
  async enter(name: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const line = this.#of.get(name) ?? { busy: 0, next: [] };
    this.#of.set(name, line);
    if (line.busy < this.#atOnce.most) line.busy++;
    else if (line.next.length >= this.#waiting.most) throw tooMany(this.#waiting, name);
    else await inLine(line.next, signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      // The place goes from one to the next without being free between them.
      const next = line.next.shift();
      if (next) next();
      else if (--line.busy === 0) this.#of.delete(name);
    };
  }

  /** Does work when its turn has come. @throws NF_AT_ONCE */
  async during<Result>(name: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const done = await this.enter(name, signal);
    try {
      return await work();
    } finally {
      done();
    }
  }
}

function inLine(next: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      next.splice(next.indexOf(begin), 1);
      reject(signal?.reason);
    };
    const begin = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    signal?.addEventListener('abort', leave, { once: true });
    next.push(begin);
  });
}

/** Lets go when an answer is out, or nobody waits for it any more. */
export function untilAnswered(turn: Turn, response: ServerResponse): () => void {
  const done = turn.hold();
  response.once('close', done);
  return done;
}

function tooMany({ most, what }: Limit, who: string) {
  return flError('NF_AT_ONCE', { limit: most, what, who });
}
