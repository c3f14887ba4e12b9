/** Weight of the newest measure. */
const NEWEST = 0.4;
const LEAST_MS = 200;

interface Seen {
  readonly at: number;
  readonly done: number;
  readonly perSecond: number | null;
}

/** How fast sites go, from what their progress was at each look. */
export class Speeds {
  readonly #seen = new Map<string, Seen>();

  /** @param at milliseconds of a clock that only goes on; undefined `done`: the site is at nothing */
  of(site: string, done: number | undefined, at = performance.now()): number | null {
    if (done === undefined) {
      this.#seen.delete(site);
      return null;
    }
    const before = this.#seen.get(site);
    // A new task, or the next epoch, begins anew.
    if (!before || done < before.done) {
      this.#seen.set(site, { at, done, perSecond: before?.perSecond ?? null });
      return before?.perSecond ?? null;
    }
    if (done === before.done || at - before.at < LEAST_MS) return before.perSecond;
    const now = ((done - before.done) / (at - before.at)) * 1000;
    const perSecond = before.perSecond === null ? now : NEWEST * now + (1 - NEWEST) * before.perSecond;
    this.#seen.set(site, { at, done, perSecond });
    return perSecond;
  }
}
