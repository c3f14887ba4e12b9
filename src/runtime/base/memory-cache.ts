interface Entry<Value> {
  readonly made: Promise<Value>;
  /** 0 until it is made. */
  bytes: number;
}

/**
 * Values that are made once and kept in this thread, up to so many bytes: the least recently used go first. A script runs anew for each
 * task, in a thread that lives on; from the second task on what it read is already here.
 */
export class MemoryCache<Value> {
  readonly #bytesOf: (value: Value) => number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<Value>>();
  #budget: number;
  #used = 0;

  constructor(budget: number, bytesOf: (value: Value) => number) {
    this.#budget = budget;
    this.#bytesOf = bytesOf;
  }

  /** Sets how many bytes are kept; what is over it is made again when needed. */
  setBudget(bytes: number): void {
    this.#budget = bytes;
    this.#evict();
  }

  /** What `make` gave for `key`, this time or before. */
  get(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.made;
    }
    const entry: Entry<Value> = { made: make(), bytes: 0 };
    this.#entries.set(key, entry);
    entry.made.then(
      (value) => this.#count(entry, value),
      () => this.#entries.delete(key),
    );
    return entry.made;
  }

  #count(entry: Entry<Value>, value: Value): void {
    entry.bytes = this.#bytesOf(value);
    this.#used += entry.bytes;
    this.#evict();
  }

  #evict(): void {
    for (const [key, { bytes }] of this.#entries) {
      if (this.#used <= this.#budget) return;
      if (bytes === 0) continue;
      this.#used -= bytes;
      this.#entries.delete(key);
    }
  }
}
