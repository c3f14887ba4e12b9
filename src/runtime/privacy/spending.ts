import { z } from 'zod';
import { type Budget, isWithin } from './filter.ts';
import { composedRdp, epsilonOfRdp, ORDERS, type RdpCurve, rdpCurve } from './rdp.ts';
import { NUMERIC_DELTA } from './secret-random.ts';

/** What a site has spent of its people's privacy, over all jobs: the entries of its ledger, and what they add up to. */

/** Some looks at people: steps of one mechanism, at those of one part of the data. */
const spendSchema = z.strictObject({
  part: z.enum(['train', 'validation']),
  rate: z.number().positive().max(1),
  sigma: z.number().positive(),
  steps: z.int().min(1),
});
export type Spend = z.output<typeof spendSchema>;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const number = z.int().min(1);

/** One line of a ledger. Reservations are numbered from 1 in their order. */
export const ledgerEntry = z.discriminatedUnion('what', [
  z.looseObject({ what: z.literal('begin'), site: z.string(), ledger: z.uuid() }),
  z.looseObject({
    what: z.literal('limit'),
    epsilon: z.number().positive(),
    delta: z.number().positive().max(1),
  }),
  z.looseObject({
    what: z.literal('reserve'),
    reservation: number,
    job: z.string(),
    name: z.string(),
    task: z.string(),
    /** Of the table of people: who stands in which part. */
    people: z.string(),
    spends: z.array(spendSchema),
  }),
  z.looseObject({
    what: z.literal('charge'),
    reservation: number,
    /** Of all that leaves with the answer. */
    answer: digest,
    /** Of its files, by name. */
    files: z.record(z.string(), digest),
  }),
  z.looseObject({ what: z.literal('void'), reservation: number, reason: z.string() }),
]);
export type LedgerEntry = z.output<typeof ledgerEntry>;
type Reserve = Extract<LedgerEntry, { what: 'reserve' }>;

/** What was set apart for a task, and what became of it. */
export interface Reservation extends Pick<Reserve, 'job' | 'name' | 'task' | 'people' | 'spends'> {
  readonly number: number;
  /** open: counted as spent, and nothing has left; void: nothing ever leaves. */
  readonly state: 'open' | 'charged' | 'void';
  /** What the site allowed at that time. */
  readonly limit: Budget | undefined;
  readonly answer?: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** What a task is to be charged for. */
export type Asked = Pick<Reserve, 'job' | 'people' | 'spends'>;

/** A mechanism, by which looks are counted in whole steps: what is spent does not depend on the order of jobs. */
interface Counted extends Spend {
  readonly people: string;
}

/** What the entries of a ledger come to. */
export class Spending {
  readonly #reservations: Reservation[] = [];
  #limit: Budget | undefined;
  #begin: { readonly site: string; readonly ledger: string } | undefined;

  /** Takes one more entry. Returns what is wrong with it: such an entry changes nothing. */
  apply(entry: LedgerEntry): string | undefined {
    switch (entry.what) {
      case 'begin':
        if (this.#begin) return 'it begins a second time';
        this.#begin = { site: entry.site, ledger: entry.ledger };
        return undefined;
      case 'limit':
        this.#limit = { epsilon: entry.epsilon, delta: entry.delta };
        return undefined;
      case 'reserve':
        return this.#reserve(entry);
      case 'charge':
        return this.#settle(entry.reservation, {
          state: 'charged',
          answer: entry.answer,
          files: entry.files,
        });
      case 'void':
        return this.#settle(entry.reservation, { state: 'void' });
    }
  }

  /** Whose ledger it is; undefined while nothing stands in it. */
  get begin(): { readonly site: string; readonly ledger: string } | undefined {
    return this.#begin;
  }

  /** What the site allowed last. */
  get limit(): Budget | undefined {
    return this.#limit;
  }

  get reservations(): readonly Reservation[] {
    return this.#reservations;
  }

  reservation(wanted: number): Reservation | undefined {
    return this.#reservations[wanted - 1];
  }

  /**
   * Divergences of all that counts as spent, open reservations among it, and what is asked for beside. People stand in one part of a table: they
   * lose the most of its parts, and what they lose by several tables is added.
   */
  curve(asked: readonly Asked[] = [], which: (one: Reservation) => boolean = () => true): RdpCurve {
    const spent = this.#reservations.filter((one) => one.state !== 'void' && which(one));
    const parts = new Map<string, Map<string, RdpCurve[]>>();
    for (const { people, part, rate, sigma, steps } of countedSteps([...spent, ...asked])) {
      const table = parts.get(people) ?? new Map<string, RdpCurve[]>();
      parts.set(people, table);
      const curve = curveOfStep(rate, sigma).map((divergence) => divergence * steps);
      table.set(part, [...(table.get(part) ?? []), curve]);
    }
    return composedRdp([...parts.values()].map((table) => highest([...table.values()].map(composedRdp))));
  }

  /** Whether what is asked for stays within a budget, with all that is spent. */
  fits(budget: Budget, asked: readonly Asked[] = []): boolean {
    const jobs = new Set([...this.#counting(), ...asked].map(({ job }) => job));
    const delta = budget.delta - NUMERIC_DELTA * jobs.size;
    if (jobs.size === 0) return true;
    return delta > 0 && isWithin({ epsilon: budget.epsilon, delta }, this.curve(asked));
  }

  /** Whether a job has begun here while the site allowed more than it does now. */
  isLowered(job: string, { epsilon, delta }: Budget): boolean {
    return this.#reservations.some(
      ({ job: one, limit }) => one === job && limit && (limit.epsilon > epsilon || limit.delta > delta),
    );
  }

  /** Epsilon of what is spent, or of a part of it, at a delta. */
  epsilon(
    delta: number,
    asked: readonly Asked[] = [],
    which: (one: Reservation) => boolean = () => true,
  ): number {
    const jobs = new Set([...this.#counting().filter(which), ...asked].map(({ job }) => job));
    if (jobs.size === 0) return 0;
    const left = delta - NUMERIC_DELTA * jobs.size;
    return left > 0 ? epsilonOfRdp(this.curve(asked, which), left).epsilon : Number.POSITIVE_INFINITY;
  }

  #counting(): Reservation[] {
    return this.#reservations.filter(({ state, spends }) => state !== 'void' && spends.length > 0);
  }

  #reserve({ reservation, job, name, task, people, spends }: Reserve): string | undefined {
    if (reservation !== this.#reservations.length + 1)
      return `reservation ${reservation} follows ${this.#reservations.length}`;
    const limit = this.#limit;
    this.#reservations.push({ number: reservation, job, name, task, people, spends, state: 'open', limit });
    return undefined;
  }

  #settle(reservation: number, end: Pick<Reservation, 'state' | 'answer' | 'files'>): string | undefined {
    const known = this.reservation(reservation);
    if (!known) return `there is no reservation ${reservation}`;
    if (known.state !== 'open') return `reservation ${reservation} is ${known.state} already`;
    this.#reservations[reservation - 1] = { ...known, ...end };
    return undefined;
  }
}

function countedSteps(asked: readonly Pick<Asked, 'people' | 'spends'>[]): Counted[] {
  const counted = new Map<string, Counted>();
  for (const { people, spends } of asked)
    for (const { part, rate, sigma, steps } of spends) {
      const key = [people, part, rate, sigma].join();
      const before = counted.get(key)?.steps ?? 0;
      counted.set(key, { people, part, rate, sigma, steps: before + steps });
    }
  return [...counted.values()];
}

/** Of each order the largest. */
function highest(curves: readonly RdpCurve[]): RdpCurve {
  return ORDERS.map((_, at) => Math.max(...curves.map((curve) => curve[at] ?? 0)));
}

const ofStep = new Map<string, RdpCurve>();

/** A site asks for the same few again and again. */
function curveOfStep(rate: number, sigma: number): RdpCurve {
  const key = `${rate} ${sigma}`;
  const known = ofStep.get(key) ?? rdpCurve({ rate, sigma, steps: 1 });
  ofStep.set(key, known);
  return known;
}
