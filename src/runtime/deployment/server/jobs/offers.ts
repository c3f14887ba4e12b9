import { compareSites } from '../../../base/site-order.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { DecisionRecord, JobRecord } from '../../store/server-store.ts';
import { wasTakenOut } from './site-left.ts';

export interface OfferRules {
  /** Sites the submitter named; undefined lets any take part. */
  readonly named: readonly string[] | undefined;
  /** Sites wanted; undefined wants all there are. */
  readonly wanted: number | undefined;
  /** Sites that must accept; undefined: all that are wanted. */
  readonly least: number | undefined;
  readonly mandatory: readonly string[];
}

/** The rules a job sets; sites that were named go before the job's own number, as in a simulation. */
export function offerRules(
  { clients: named, minClients }: Pick<JobRecord, 'clients' | 'minClients'>,
  { clients, minClients: least, clientsPerRound, mandatory }: JobDefinition['workflow'],
): OfferRules {
  const wanted = named?.length ?? clients;
  return { named, wanted, least: minClients ?? least ?? clientsPerRound, mandatory };
}

/** Who is asked to take part in a job and what they said. No clock and no network in it. */
export class Offers {
  readonly rules: OfferRules;
  readonly #decisions: Map<string, DecisionRecord>;

  constructor(rules: OfferRules, decisions: readonly DecisionRecord[]) {
    this.rules = rules;
    this.#decisions = new Map(decisions.map((decision) => [decision.site, decision]));
  }

  decide(decision: DecisionRecord): void {
    this.#decisions.set(decision.site, decision);
  }

  decisions(): DecisionRecord[] {
    return [...this.#decisions.values()].sort((a, b) => compareSites(a.site, b.site));
  }

  /** In site order. */
  accepted(): string[] {
    return this.#with('accepted');
  }

  /** Those that have the job, or may take it yet, in site order. */
  taking(): string[] {
    return [...this.accepted(), ...this.#with('waiting for approval')].sort(compareSites);
  }

  /** Those whose work is in the job, though they may have no part in it any more. */
  tookPart(): string[] {
    return this.decisions()
      .filter((decision) => decision.answer === 'accepted' || wasTakenOut(decision))
      .map(({ site }) => site);
  }

  decisionOf(site: string): DecisionRecord | undefined {
    return this.#decisions.get(site);
  }

  answerOf(site: string): Decision['answer'] | undefined {
    return this.#decisions.get(site)?.answer;
  }

  /** Of the sites that could take part now, those that have the job or are asked to. */
  askedOf(eligible: readonly string[]): string[] {
    const { named, wanted = Number.POSITIVE_INFINITY, mandatory } = this.rules;
    const taken = new Set(this.taking());
    const open = eligible.filter(
      (site) => !taken.has(site) && this.answerOf(site) !== 'refused' && (named?.includes(site) ?? true),
    );
    // Those the job cannot do without come first.
    const first = (site: string) => (mandatory.includes(site) ? 0 : 1);
    const ordered = open.sort((a, b) => first(a) - first(b) || compareSites(a, b));
    const room = Math.max(0, wanted - taken.size);
    return [...taken, ...ordered.slice(0, room)].sort(compareSites);
  }

  /** Results a round needs, once the sites are known. */
  least(): number {
    const { named, wanted, least } = this.rules;
    return least ?? wanted ?? named?.length ?? Math.max(1, this.accepted().length);
  }

  /** Whether enough sites have accepted to begin. */
  isEnough(): boolean {
    const accepted = this.accepted();
    return accepted.length >= this.least() && this.rules.mandatory.every((site) => accepted.includes(site));
  }

  /** Whether nobody else is wanted, or can still answer. */
  isComplete(asked: readonly string[]): boolean {
    const { wanted } = this.rules;
    const accepted = this.accepted();
    return (
      accepted.length >= (wanted ?? Number.POSITIVE_INFINITY) ||
      asked.every((site) => accepted.includes(site))
    );
  }

  /** The first refusal by which the job can never get the sites it needs; undefined while it can. */
  deadEnd(): DecisionRecord | undefined {
    const { named, mandatory } = this.rules;
    const refusals = this.decisions().filter(({ answer }) => answer === 'refused');
    const needed = refusals.find(({ site }) => mandatory.includes(site));
    if (needed || !named) return needed;
    const left = named.filter((site) => this.answerOf(site) !== 'refused');
    return left.length < this.least() ? refusals[0] : undefined;
  }

  /**
   * Of a job that has begun: the last refusal, where too few sites are left for a round and none of those asked can take a place any more;
   * undefined while it can go on. `late`: sites that wait for approval and are not waited for any more, as those that refuse.
   */
  shortOf(asked: Iterable<string>, late: readonly DecisionRecord[] = []): DecisionRecord | undefined {
    const out = new Set([...this.accepted(), ...late.map(({ site }) => site)]);
    if (this.isEnough() || [...asked].some((site) => !out.has(site))) return undefined;
    return [...this.decisions(), ...late]
      .filter(({ answer }) => answer === 'refused')
      .reduce<DecisionRecord | undefined>(
        (last, one) => (last && last.time > one.time ? last : one),
        undefined,
      );
  }

  #with(answer: Decision['answer']): string[] {
    return this.decisions()
      .filter((decision) => decision.answer === answer)
      .map(({ site }) => site);
  }
}
