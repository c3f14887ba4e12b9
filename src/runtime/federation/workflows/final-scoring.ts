import { VALIDATE } from '../../run/cross-site.ts';
import type { Payload } from '../../run/events.ts';
import type { Answer, Federation } from '../workflow.ts';

/** What the last round of training leaves of its sites. */
export interface LastRound {
  /** What they received. */
  readonly base: Payload;
  readonly answers: readonly Answer[];
}

/** Whether the models of sites are scored at all sites in the end. */
export interface CrossSiteOption {
  readonly cross_site_evaluation?: boolean | undefined;
}

/** Closes a round of training. Of the last one the answers are kept, where the models of the sites are to be scored. */
export async function closeTraining(
  federation: Federation,
  made: Payload,
  { round, isKept, ...last }: LastRound & { readonly round: number; readonly isKept: boolean },
): Promise<LastRound | undefined> {
  if (!isKept) {
    await federation.publish(round, made);
    return undefined;
  }
  const sent = last.answers.flatMap(({ site, files: { model } }) => (model ? [[site, model] as const] : []));
  await federation.publish(round, made, { base: last.base.model, answers: Object.fromEntries(sent) });
  return last;
}

/**
 * Sites score each model they receive, so the last one is sent out once more, for its score alone. Where the last round was kept, so is
 * the model of each site that answered it: what the site received, with what it sent in place.
 */
export async function scoreLast(
  federation: Federation,
  {
    round,
    global,
    last,
  }: { readonly round: number; readonly global: Payload; readonly last?: LastRound | undefined },
): Promise<void> {
  const sites = await federation.members(round);
  await federation.exchange({ name: 'evaluate', round, inputs: global }, sites);
  for (const answer of last?.answers ?? []) {
    const about = answer.site;
    const { model } = await federation.reduce({
      round,
      about,
      reducer: 'weighted_mean',
      base: { model: (last?.base ?? global).model },
      answers: [answer],
      weights: [1],
    });
    await federation.exchange({ name: VALIDATE, round, about, inputs: { model } }, sites);
  }
  await federation.publish(round);
}
