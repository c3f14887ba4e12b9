import type { ChainedLog } from '../store/chained-log.ts';

/** Something that leaves the site. */
export interface Egress {
  /** Why, in a word: see `EGRESS_KINDS`. */
  readonly what: EgressKind;
  /** Of the request's body. */
  readonly bytes: number;
  readonly job?: string | undefined;
  readonly round?: number | undefined;
  /** Of a file. */
  readonly sha256?: string | undefined;
  /** Requests this line stands for, where it is more than one. */
  readonly requests?: number | undefined;
}

/** Everything a client ever sends, and what is in it. */
export const EGRESS_KINDS = {
  registration: 'name, version, platform, engine and resources of the client',
  'signs of life': 'which jobs are at hand and how far they are',
  decision: 'whether the site takes a job, and why not',
  progress: 'how far a task is',
  update: 'the trained parameters of a round',
  figures: 'metrics of a model on the data here, number of examples, seconds, engine',
  failure: 'what went wrong with a task: message, file and line of the script',
  log: 'lines that scripts print (only with send_logs in the site policy)',
} as const;
export type EgressKind = keyof typeof EGRESS_KINDS;

/** Lines that say little are added up for as long as this. */
const ADD_UP_MS = 60_000;

/** Writes down what leaves the site before it does; small things that repeat are added up to a line a minute. */
export class EgressLedger {
  readonly #log: ChainedLog<Egress>;
  readonly #sums = new Map<EgressKind, { bytes: number; requests: number }>();
  readonly #timer: NodeJS.Timeout;

  constructor(log: ChainedLog<Egress>) {
    this.#log = log;
    this.#timer = setInterval(() => void this.#flush().catch(() => undefined), ADD_UP_MS).unref();
  }

  /** Durable when it returns. */
  async record(egress: Egress): Promise<void> {
    await this.#log.append(egress);
  }

  addUp(what: EgressKind, bytes: number): void {
    const sum = this.#sums.get(what) ?? { bytes: 0, requests: 0 };
    this.#sums.set(what, { bytes: sum.bytes + bytes, requests: sum.requests + 1 });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
    await this.#log.close();
  }

  async #flush(): Promise<void> {
    const sums = [...this.#sums];
    this.#sums.clear();
    for (const [what, sum] of sums) await this.#log.append({ what, ...sum });
  }
}
