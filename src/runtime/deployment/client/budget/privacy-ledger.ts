import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { canonicalJson, prettyJson, sha256 } from '../../../base/digest.ts';
import { flError, type NeuroflareError } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import type { Budget } from '../../../privacy/filter.ts';
import { type Asked, type LedgerEntry, ledgerEntry, Spending } from '../../../privacy/spending.ts';
import {
  type ChainedLog,
  headOf,
  type LogKey,
  openChainedLog,
  readChainedLog,
  verifyChainedLog,
} from '../../../security/logs/chained-log.ts';

export interface LedgerPlace {
  readonly site: string;
  /** The ledger, in the kit: it is the same for each work folder. */
  readonly ledger: string;
  /** Where it was seen to end, in the work folder. */
  readonly end: string;
}

const END = {
  schema: z.strictObject({ ledger: z.uuid(), seq: z.int().min(1), hash: z.string() }),
  damaged: ({ path, reason }: { path: string; reason: string }) =>
    flError('NF_PRIVACY_LEDGER_DAMAGED', { path, reason }, { place: { file: path } }),
};
type KnownEnd = z.output<typeof END.schema>;

/** What leaves with an answer. */
export interface Leaving {
  /** Of all of it. */
  readonly answer: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A task that is to be paid for. */
export interface Order extends Asked {
  /** Name of the job. */
  readonly name: string;
  readonly task: string;
}

/**
 * Reads a site's ledger and says what is wrong with it, without changing anything: nothing where no private job was here.
 * @param isSigned of this site's kit
 */
export async function readLedger(
  { site, ledger: path, end }: LedgerPlace,
  isSigned: LogKey['isSigned'],
): Promise<{ readonly spending: Spending; readonly fault: NeuroflareError | undefined }> {
  const spending = new Spending();
  const place = { place: { file: path } };
  const damaged = (reason: string) => flError('NF_PRIVACY_LEDGER_DAMAGED', { path, reason }, place);
  const known = await readRecord(end, END);
  let [count, fault]: [number, string | undefined] = [0, undefined];
  if (existsSync(path))
    for await (const line of readChainedLog(path)) {
      count += 1;
      const { success, data } = ledgerEntry.safeParse(line);
      fault ??= success ? spending.apply(data) : `entry ${count} is of no known form`;
    }
  if (count === 0 && !existsSync(`${path}.head`)) {
    const gone = known && flError('NF_PRIVACY_LEDGER_GONE', { path, entries: known.seq }, place);
    return { spending, fault: gone };
  }
  if (!existsSync(path))
    return { spending, fault: flError('NF_PRIVACY_LEDGER_GONE', { path, entries: known?.seq ?? 1 }, place) };
  const foreign = (reason: string) => flError('NF_PRIVACY_LEDGER_FOREIGN', { path, reason }, place);
  const { begin } = spending;
  if (begin && begin.site !== site) return { spending, fault: foreign(`it is that of ${begin.site}`) };
  if (known && begin && begin.ledger !== known.ledger)
    return { spending, fault: foreign('another one was here before') };
  const { findings, entries } = await verifyChainedLog(path, isSigned, { knownEnd: known });
  const head = await headOf(path);
  // What a crash leaves of a line that it cut short, or of the first one: neither was acknowledged.
  const isOfCrash = ({ line, problem }: { line: number; problem: string }) =>
    (line === entries && line > (head?.seq ?? 0) && problem.startsWith('it is no entry')) ||
    (count <= 1 && !known && !head);
  const real = findings.filter((one) => !isOfCrash(one));
  const [finding] = real.filter(({ line }) => line > 0).concat(real);
  if (finding?.problem.includes('signed by')) return { spending, fault: foreign(finding.problem) };
  if (finding) return { spending, fault: damaged(finding.problem) };
  if (!begin && count > 0) return { spending, fault: damaged('it does not say whose it is') };
  return { spending, fault: fault === undefined ? undefined : damaged(fault) };
}

/**
 * A site's privacy, as it is spent: `reserve` before anything is computed, `charge` before anything leaves. Each entry is on the disk when its
 * promise settles, is chained to the one before it, and its end is signed by the key of the kit. One at a time: two jobs cannot overdraw
 * together.
 */
export class PrivacyLedger {
  readonly #place: LedgerPlace;
  readonly #key: LogKey;
  /** Opened for the first entry, if it was not there: a ledger without one has no end that is signed. */
  #log: ChainedLog<LedgerEntry> | undefined;
  readonly #spending: Spending;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(place: LedgerPlace, key: LogKey, spending: Spending) {
    this.#place = place;
    this.#key = key;
    this.#spending = spending;
  }

  /** @throws NF_PRIVACY_LEDGER_* of a ledger that is not whole, not this site's, or older than it was */
  static async open(place: LedgerPlace, key: LogKey): Promise<PrivacyLedger> {
    const { spending, fault } = await readLedger(place, key.isSigned);
    if (fault) throw fault;
    const ledger = new PrivacyLedger(place, key, spending);
    if (existsSync(place.ledger)) await ledger.#open();
    await ledger.#note();
    return ledger;
  }

  /** What was spent so far. */
  get spending(): Pick<Spending, 'fits' | 'epsilon' | 'reservations' | 'isLowered' | 'reservation'> {
    return this.#spending;
  }

  /**
   * Sets apart what a task costs, before it begins. What is open counts as spent.
   * @returns number of the reservation @throws NF_PRIVACY_BUDGET, NF_PRIVACY_LOWERED: then nothing may be computed
   */
  reserve(order: Order, budget: Budget): Promise<number> {
    return this.#inTurn(async () => {
      await this.#allow(budget);
      if (!this.#spending.fits(budget, [order])) throw this.refusal(order, budget);
      return this.#reserve(order);
    });
  }

  /**
   * Charges what leaves, before it does. Of a reservation that was charged before, the same costs nothing.
   * @throws NF_PRIVACY_UNCHARGED of an answer that is another than was charged, or that nothing was set apart for
   */
  charge(reservation: number, { answer, files }: Leaving): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#spending.reservation(reservation);
      const refuse = (reason: string) =>
        flError('NF_PRIVACY_UNCHARGED', { job: known?.job ?? 'unknown', reason });
      if (known?.state === 'charged' && known.answer === answer) return;
      if (known?.state === 'charged') throw refuse('it is another one than was charged');
      if (known?.state !== 'open') throw refuse('nothing is set apart for it any more');
      await this.#append({ what: 'charge', reservation, answer, files: { ...files } });
    });
  }

  /** Gives back what is open of some reservations: nothing of them has left, and nothing will. */
  release(which: (one: { readonly job: string; readonly number: number }) => boolean, reason: string) {
    return this.#inTurn(async () => {
      for (const one of this.#spending.reservations.filter(({ state }) => state === 'open'))
        if (which(one)) await this.#append({ what: 'void', reservation: one.number, reason });
    });
  }

  /** Why a budget does not bear a task, or the whole of a job. */
  refusal({ name, job, ...asked }: Order, budget: Budget, what = 'the next task'): NeuroflareError {
    const { site } = this.#place;
    const { epsilon: most, delta } = budget;
    const [spent, after] = [[], [{ ...asked, job }]].map((more) =>
      shown(this.#spending.epsilon(delta, more)),
    );
    const params = { site, job: name, spent: spent ?? '', most, delta };
    return this.#spending.isLowered(job, budget)
      ? flError('NF_PRIVACY_LOWERED', params, { place: { site } })
      : flError('NF_PRIVACY_BUDGET', { ...params, what, after: after ?? '' }, { place: { site } });
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#log?.close();
  }

  async #reserve({ job, name, task, people, spends }: Order): Promise<number> {
    const reservation = this.#spending.reservations.length + 1;
    await this.#append({ what: 'reserve', reservation, job, name, task, people, spends });
    return reservation;
  }

  /** Whose it is stands in its first line; what the site allows, wherever that changed. */
  async #allow({ epsilon, delta }: Budget): Promise<void> {
    const { site } = this.#place;
    if (!this.#spending.begin) await this.#append({ what: 'begin', site, ledger: randomUUID() });
    const { limit } = this.#spending;
    if (limit?.epsilon !== epsilon || limit.delta !== delta)
      await this.#append({ what: 'limit', epsilon, delta });
  }

  async #append(entry: LedgerEntry): Promise<void> {
    const log = this.#log ?? (await this.#open());
    await log.append(entry);
    const fault = this.#spending.apply(entry);
    if (fault !== undefined) throw new Error(fault);
    await this.#note();
    faultPoint(`privacy:${entry.what}`);
  }

  async #open(): Promise<ChainedLog<LedgerEntry>> {
    const log = await openChainedLog<LedgerEntry>(this.#place.ledger, this.#key);
    this.#log = log;
    return log;
  }

  /** Behind the ledger by an entry at most. */
  async #note(): Promise<void> {
    const head = await headOf(this.#place.ledger);
    const ledger = this.#spending.begin?.ledger;
    if (!head || ledger === undefined) return;
    const end: KnownEnd = { ledger, seq: head.seq, hash: head.hash };
    await writeFileAtomic(this.#place.end, prettyJson(end));
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** The digest by which an answer is charged. */
export function leavingOf(answer: object, files: Readonly<Record<string, string>>): Leaving {
  return { answer: sha256(canonicalJson(answer)), files };
}

function shown(epsilon: number): string {
  return Number.isFinite(epsilon) ? epsilon.toFixed(2) : 'no end';
}
