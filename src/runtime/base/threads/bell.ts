/** Lets some wait for news and others ring for it. */
export class Bell {
  readonly #looks = new Set<() => void>();

  /** Whoever waits looks again. */
  ring(): void {
    for (const look of this.#looks) look();
  }

  /** Settles when `isNews` holds, after `seconds`, or when the signal fires. */
  async wait(
    seconds: number,
    { isNews, signal }: { isNews: () => boolean; signal?: AbortSignal | undefined },
  ): Promise<void> {
    if (seconds <= 0 || signal?.aborted || isNews()) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#looks.delete(look);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const look = () => void (isNews() && end());
      const timer = setTimeout(end, seconds * 1000);
      signal?.addEventListener('abort', end, { once: true });
      this.#looks.add(look);
    });
  }
}

/** For `wait`: news is whatever rings next. */
export function atNextRing(): () => boolean {
  let looks = 0;
  return () => looks++ > 0;
}
