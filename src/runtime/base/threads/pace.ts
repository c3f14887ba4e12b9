/** So many times at once, and so many in a second after that. */
export class Pace {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  /** Of the monotonic clock, in milliseconds. */
  #at = performance.now();

  constructor({ atOnce, perSecond }: { atOnce: number; perSecond: number }) {
    this.#most = atOnce;
    this.#perSecond = perSecond;
    this.#left = atOnce;
  }

  /** Takes one. Milliseconds to wait until it is due. */
  take(): number {
    this.#fill();
    this.#left -= 1;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1000;
  }

  /** Takes one if it is due. */
  isDue(): boolean {
    this.#fill();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #fill(): void {
    const now = performance.now();
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
  }
}
