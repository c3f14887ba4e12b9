import { flError } from '../../../base/errors/errors.ts';
import { OFFER_LIMITS } from '../../../base/limits.ts';
import { counted } from '../../../base/text/counted.ts';
import type { Bell } from '../../../base/threads/bell.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { DecisionRecord } from '../../store/server-store.ts';
import type { Offers } from './offers.ts';
import { leftError } from './site-left.ts';

/** Milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

interface Rules {
  readonly job: string;
  /** Seconds a round waits for a site that stands still. */
  readonly siteTimeout: number;
  /** Rung when a site is waited for no longer. */
  readonly bell: Bell;
}

/**
 * Sites that change what they have said of a job. One that had taken it and then says that somebody there has to approve it is waited for as
 * long as one that stands still: its client may have begun anew under another policy, but a word must not keep a job waiting for ever.
 */
export class SecondThoughts {
  readonly #offers: Offers;
  readonly #rules: Rules;
  readonly #changes = new Map<string, number>();
  /** Since when sites that had taken the job wait for approval: of the monotonic clock, in milliseconds. */
  readonly #since = new Map<string, number>();

  constructor(offers: Offers, rules: Rules) {
    this.#offers = offers;
    this.#rules = rules;
  }

  /** What is new in what a site says; undefined where it says the same again. */
  news(site: string, said: Decision): Decision | undefined {
    const before = this.#offers.decisionOf(site);
    if (before && textOf(before) === textOf(said)) return undefined;
    const count = (this.#changes.get(site) ?? 0) + 1;
    this.#changes.set(site, count);
    const hadIt = before?.answer === 'accepted' || this.#since.has(site);
    if (said.answer !== 'waiting for approval' || !hadIt) this.#since.delete(site);
    else if (!this.#since.has(site)) this.#begin(site);
    if (said.answer === 'refused' || count <= OFFER_LIMITS.changes.most) return said;
    const reason = flError(
      'NF_SITE_UNDECIDED',
      { site, changes: counted(count, 'time') },
      { place: { site } },
    ).report();
    return { answer: 'refused', reason };
  }

  #begin(site: string): void {
    const { siteTimeout, bell } = this.#rules;
    this.#since.set(site, performance.now());
    // A longer wait than a timer takes is looked at without it.
    setTimeout(() => bell.ring(), Math.min(siteTimeout * 1000 + 1, LONGEST_TIMER)).unref();
  }

  /** What keeps a job that has begun from ever having the sites it needs. */
  deadEnd(asked: Iterable<string>): Error | undefined {
    const refusal = this.#offers.deadEnd() ?? this.#offers.shortOf(asked, this.#late());
    return refusal && leftError(refusal);
  }

  /** Sites that are not waited for any longer, as those that refuse. */
  #late(): DecisionRecord[] {
    const { job, siteTimeout: seconds } = this.#rules;
    const latest = performance.now() - seconds * 1000;
    const time = new Date().toISOString();
    return [...this.#since]
      .filter(([, since]) => since < latest)
      .map(([site]) => {
        const error = flError('NF_SITE_APPROVAL_LATE', { site, seconds, job }, { place: { site } });
        return { site, answer: 'refused', time, reason: error.report() };
      });
  }
}

function textOf({ answer, reason }: Decision): string {
  return JSON.stringify([answer, reason]);
}
