import { z } from 'zod';
import type { NeuroflareError } from '../../../base/errors/errors.ts';
import { replaceFileSync } from '../../../base/files/files.ts';
import { readOrSetAside, readRecord } from '../../../base/files/record-file.ts';
import type { ChainedLog } from '../../../security/logs/chained-log.ts';
import { workRecord } from '../memory/work-record.ts';

/** Something that leaves the site. */
export interface Egress {
  /** Why, in a word: see `EGRESS_KINDS`. */
  readonly what: EgressKind;
  /** Of the request's body, of every try. */
  readonly bytes: number;
  readonly job?: string | undefined;
  /** Its id; lines of version 0.1.0 have a round in its place. */
  readonly task?: string | undefined;
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
  progress: 'how far a task is, in whole percents',
  update: 'the trained parameters of a round, and what the workflow asks for beside them',
  keys: 'public keys of this site for the sum of one round, and what its update counts for, signed with the key of its kit (secure_aggregation)',
  shares:
    'shares of the secrets of one sum, sealed for each other site: fewer than secure_aggregation.threshold of them say nothing',
  'masked update':
    'the trained parameters of a round with masks on them: numbers that say nothing until enough sites have opened the sum of all',
  agreement: 'the names of the sites whose updates are in a sum, signed (secure_aggregation)',
  unmasking:
    'shares that open the sum of a round: of each site whose update is in it one of its own mask, of each that dropped out one of its masks with the others; of none both',
  harmonisation:
    'sums, and sums of squares, of the landmarks of greys over the training images here, with numbers of images by class; none over fewer people than least_people of local/site-policy.yml',
  evaluation:
    'sums over the test images here, by class, and over people: how many the model, it on masked pictures and controls of the site have right, its confusion, losses up to their cubes, confidence in bins, areas under the ROC; and losses of the validation images at some temperatures. Classes of fewer people than least_people of local/site-policy.yml have no part in it',
  figures:
    'metrics of a model on the data here, number of examples, seconds, engine; and image_profile, sums over training pictures, where the script sends it (describeImages) and the site policy lets it (image_profile); or data_statistics, sums and counts of people (workflow statistics)',
  failure: 'what went wrong with a task: message, file and line of the script',
  headers:
    'lines and headers of all requests, as near as they can be told: ids of jobs and sessions, digests, sizes',
  log: 'lines that scripts print (only with send_logs in the site policy)',
} as const;
export type EgressKind = keyof typeof EGRESS_KINDS;

/** Lines that say little are added up for as long as this. */
const ADD_UP_MS = 60_000;

const FORM = workRecord(z.record(z.string(), z.strictObject({ bytes: z.number(), requests: z.number() })), {
  what: 'What left in the last minute before a client ended',
  mend: 'The next start of the client moves it aside and says so in its audit log; sums of at most a minute are missing in the ledger.',
});

type OpenSum = Pick<Egress, 'bytes'> & { readonly what: string; readonly requests: number };

/** Sums that stand in no line yet: of a client that runs, or of one that was killed. @throws NF_WORK_FILE */
export async function readOpenSums(path: string): Promise<OpenSum[]> {
  return listed(await readRecord(path, FORM));
}

/** As `readOpenSums`, for the client that goes on with them; of a file that cannot be used, why. */
export async function takeOpenSums(
  path: string,
): Promise<{ readonly sums: readonly OpenSum[]; readonly trouble?: NeuroflareError }> {
  const { value, ...rest } = await readOrSetAside(path, FORM);
  return { sums: listed(value), ...rest };
}

function listed(sums: Readonly<Record<string, { bytes: number; requests: number }>> = {}): OpenSum[] {
  return Object.entries(sums).map(([what, sum]) => ({ what, ...sum }));
}

/**
 * Writes down what leaves the site before it does. Small things that repeat are added up to a line a minute; until then they stand in a
 * file beside the ledger, so that a client that is killed leaves them behind.
 */
export class EgressLedger {
  readonly #log: ChainedLog<Egress>;
  readonly #open: string;
  readonly #sums = new Map<EgressKind, { bytes: number; requests: number }>();
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();

  /** @param open file of the sums that stand in no line yet @param sums what an earlier client left there */
  constructor(log: ChainedLog<Egress>, open: string, sums: readonly OpenSum[] = []) {
    this.#log = log;
    this.#open = open;
    for (const { what, ...sum } of sums) if (isKind(what)) this.#sums.set(what, sum);
    this.#timer = setInterval(() => void this.#flush().catch(() => undefined), ADD_UP_MS).unref();
  }

  /** Durable when it returns. */
  async record(egress: Egress): Promise<void> {
    await this.#log.append(egress);
  }

  addUp(what: EgressKind, bytes: number): void {
    const sum = this.#sums.get(what) ?? { bytes: 0, requests: 0 };
    this.#sums.set(what, { bytes: sum.bytes + bytes, requests: sum.requests + 1 });
    this.#note();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
    await this.#log.close();
  }

  /** One after another: two at once would write a sum twice. */
  #flush(): Promise<void> {
    const done = this.#flushing.then(() => this.#writeSums());
    this.#flushing = done.catch(() => undefined);
    return done;
  }

  /** A sum leaves the file when its line is there: a client killed in between counts it twice rather than never. */
  async #writeSums(): Promise<void> {
    const sums = [...this.#sums];
    for (const [what, sum] of sums) await this.#log.append({ what, ...sum });
    for (const [what, sum] of sums) this.#takeAway(what, sum);
    this.#note();
  }

  /** More may have come while the line was written. */
  #takeAway(what: EgressKind, { bytes, requests }: { bytes: number; requests: number }): void {
    const now = this.#sums.get(what) ?? { bytes, requests };
    const rest = { bytes: now.bytes - bytes, requests: now.requests - requests };
    if (rest.requests > 0) this.#sums.set(what, rest);
    else this.#sums.delete(what);
  }

  /** Not synced: it must outlive the process, and the lines are what outlives the machine. */
  #note(): void {
    replaceFileSync(this.#open, JSON.stringify(Object.fromEntries(this.#sums)), { mode: 0o600 });
  }
}

function isKind(what: string): what is EgressKind {
  return Object.hasOwn(EGRESS_KINDS, what);
}
