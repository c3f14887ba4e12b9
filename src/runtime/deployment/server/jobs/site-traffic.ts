import type { Traffic } from '../../store/server-store.ts';

interface Counted {
  bytesIn: number;
  bytesOut: number;
  results: number;
  seconds: number;
}

/** What went to and fro for a job since the server started. */
export class SiteTraffic {
  aggregationSeconds = 0;
  readonly #sites = new Map<string, Counted>();

  count(site: string, direction: 'in' | 'out', bytes: number): void {
    const counted = this.#of(site);
    if (direction === 'in') counted.bytesIn += bytes;
    else counted.bytesOut += bytes;
  }

  /** @param seconds the task took at the site */
  result(site: string, seconds: number): void {
    const counted = this.#of(site);
    counted.results += 1;
    counted.seconds += seconds;
  }

  /** All of it, as it is kept of a job that is over. */
  sum(): Traffic {
    return { aggregationSeconds: this.aggregationSeconds, sites: Object.fromEntries(this.#sites) };
  }

  #of(site: string): Counted {
    const counted = this.#sites.get(site) ?? { bytesIn: 0, bytesOut: 0, results: 0, seconds: 0 };
    this.#sites.set(site, counted);
    return counted;
  }
}
