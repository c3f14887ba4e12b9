import { type ErrorReport, flError } from '../../../base/errors/errors.ts';
import { OFFER_LIMITS } from '../../../base/limits.ts';
import { atNextRing, type Bell } from '../../../base/threads/bell.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { Offers } from './offers.ts';

export interface Gathering {
  readonly offers: Offers;
  /** Rings when a site has said something. */
  readonly bell: Bell;
  readonly asked: () => readonly string[];
  /** Sites whose machines keep them from taking the job in, and why. */
  readonly stuck: () => ReadonlyMap<string, ErrorReport>;
  /** Whether there is room for the job to train. */
  readonly mayBegin: () => boolean;
  /** Durable when it returns. */
  readonly decide: (site: string, decision: Decision) => Promise<void>;
  /** Seconds a round waits for a site that stands still. */
  readonly siteTimeout: number;
  readonly signal: AbortSignal;
  /** Seconds after which a site that says nothing at all counts as one that refuses. */
  readonly unansweredSeconds?: number;
}

/** Sites that are slow to answer may join a round later. */
const LATE_SECONDS = 5;
/** Between two looks at the sites where none of them rings. */
const LOOK_SECONDS = 1;

/** Returns when enough sites have taken a job. @throws NF_JOB_NOT_SCHEDULED */
export async function gatherSites(gathering: Gathering): Promise<void> {
  const { offers, bell, asked, signal } = gathering;
  const stuckSince = new Map<string, number>();
  const askedSince = new Map<string, number>();
  for (let enoughAt: number | undefined; ; ) {
    signal.throwIfAborted();
    await giveUpStuck(gathering, stuckSince);
    await giveUpSilent(gathering, askedSince);
    const deadEnd = offers.deadEnd();
    if (deadEnd) {
      const reason = `${deadEnd.site} refused it: ${deadEnd.reason?.message ?? 'no reason given'}`;
      throw flError('NF_JOB_NOT_SCHEDULED', { reason }, { place: { site: deadEnd.site } });
    }
    const isEnough = offers.accepted().length > 0 && offers.isEnough();
    enoughAt = isEnough ? (enoughAt ?? performance.now()) : undefined;
    const waited = enoughAt === undefined ? 0 : (performance.now() - enoughAt) / 1000;
    if (isEnough && (offers.isComplete(asked()) || waited >= LATE_SECONDS) && gathering.mayBegin()) return;
    const look = isEnough ? Math.max(LATE_SECONDS - waited, LOOK_SECONDS) : LOOK_SECONDS;
    await bell.wait(look, { isNews: atNextRing(), signal });
  }
}

/** A site that cannot take the job in for longer than a round would wait for it is counted as one that refuses. */
async function giveUpStuck(
  { offers, stuck, decide, siteTimeout }: Gathering,
  since: Map<string, number>,
): Promise<void> {
  const now = stuck();
  for (const site of since.keys()) if (!now.has(site)) since.delete(site);
  for (const [site, reason] of now) {
    if (offers.answerOf(site) !== undefined) continue;
    const began = since.get(site) ?? performance.now();
    since.set(site, began);
    if (performance.now() - began >= siteTimeout * 1000) await decide(site, { answer: 'refused', reason });
  }
}

/** A site that is here and has said nothing to an offer, not even that somebody there has to approve it. */
async function giveUpSilent(
  { offers, asked, decide, unansweredSeconds = OFFER_LIMITS.unanswered_hours.most * 3600 }: Gathering,
  since: Map<string, number>,
): Promise<void> {
  const now = asked().filter((site) => offers.answerOf(site) === undefined);
  for (const site of since.keys()) if (!now.includes(site)) since.delete(site);
  for (const site of now) {
    const began = since.get(site) ?? performance.now();
    since.set(site, began);
    if (performance.now() - began < unansweredSeconds * 1000) continue;
    const reason = flError('NF_OFFER_UNANSWERED', { site }, { place: { site } }).report();
    await decide(site, { answer: 'refused', reason });
  }
}
