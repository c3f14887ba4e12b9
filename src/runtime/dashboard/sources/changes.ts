import { setTimeout as sleep } from 'node:timers/promises';

/** Tells whether something differs from what it was the last time. */
export class Changes<Value> {
  #last: string | undefined;

  isNew(value: Value): boolean {
    const text = JSON.stringify(value);
    if (text === this.#last) return false;
    this.#last = text;
    return true;
  }
}

/** Waits; false once the signal ends it. */
export async function waits(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

/** An answer that several ask for at once, or soon after one another, is worked out once. */
export class Shared<Value> {
  readonly #make: () => Promise<Value>;
  readonly #ms: number;
  #made: Promise<Value> | undefined;
  #until = 0;

  constructor(make: () => Promise<Value>, ms: number) {
    this.#make = make;
    this.#ms = ms;
  }

  get(): Promise<Value> {
    if (this.#made && performance.now() < this.#until) return this.#made;
    this.#until = Number.POSITIVE_INFINITY;
    this.#made = this.#make().finally(() => {
      this.#until = performance.now() + this.#ms;
    });
    return this.#made;
  }
}
