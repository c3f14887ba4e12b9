/** Where an abort and the end of a job meet: one of the two comes true, and who aborts is told which. */
export class AbortGate {
  #onItsWay: Promise<void> | undefined;
  #isIn = false;
  #isShut = false;

  /** Somebody has aborted the job, and was told so. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** Whether an abort comes in time; then `note` has made it durable, once, when this returns. */
  async enter(note: () => Promise<void>): Promise<boolean> {
    if (this.#isShut) return false;
    if (!this.#isIn) {
      this.#onItsWay ??= this.#take(note);
      await this.#onItsWay;
    }
    return true;
  }

  /** Before an end is written: what is on its way comes in first, and nothing after it. */
  async shut(): Promise<void> {
    while (this.#onItsWay) await this.#onItsWay.catch(() => undefined);
    this.#isShut = true;
  }

  /** The end could not be written yet. */
  open(): void {
    this.#isShut = false;
  }

  async #take(note: () => Promise<void>): Promise<void> {
    try {
      await note();
      this.#isIn = true;
    } finally {
      this.#onItsWay = undefined;
    }
  }
}
