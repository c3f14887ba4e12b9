import { weightedMean } from './reducers/weighted-mean.ts';
import { VALIDATE } from './task.ts';
import type { Answer, Federation, Payload } from './workflow.ts';

/** What a round of training has come to. */
export interface TrainedRound {
  /** From 1. */
  readonly round: number;
  /** Those that were asked, in site order. */
  readonly sites: readonly string[];
  /** What they received. */
  readonly base: Payload;
  readonly answers: readonly Answer[];
}

interface Rounds {
  readonly numRounds: number;
  /** Whether the models of the sites are scored at all sites in the end. */
  readonly crossSite: boolean | undefined;
}

/**
 * Rounds in which all sites of a round train the global model, the score of the last one, and where it is asked for that of the models
 * of the sites.
 * @param make the new global payload of a round
 */
export async function trainRounds(
  federation: Federation,
  { numRounds, crossSite = false }: Rounds,
  make: (trained: TrainedRound) => Promise<Payload>,
): Promise<Payload> {
  let global = federation.initial;
  let last: TrainedRound | undefined;
  for (let round = 1; round <= numRounds; round++) {
    const sites = await federation.members(round);
    const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
    const trained = { round, sites, base: global, answers };
    global = await make(trained);
    last = crossSite && round === numRounds ? trained : undefined;
    await federation.publish(round, global, last && modelsOf(last));
  }
  await scoreLast(federation, { round: numRounds + 1, global, last });
  return global;
}

/** What the models of the sites are made of: it is kept where the round is closed. */
function modelsOf({ base, answers }: TrainedRound) {
  const sent = answers.flatMap(({ site, files: { model } }) => (model ? [[site, model] as const] : []));
  return { base: base.model, answers: Object.fromEntries(sent) };
}

/**
 * Sites score each model they receive, so the last one is sent out once more, for its score alone. With the last round so is the model of
 * each site that answered it: what the site received, with what it sent in place.
 */
export async function scoreLast(
  federation: Federation,
  {
    round,
    global,
    last,
  }: { readonly round: number; readonly global: Payload; readonly last?: TrainedRound | undefined },
): Promise<void> {
  const sites = await federation.members(round);
  await federation.exchange({ name: 'evaluate', round, inputs: global }, sites);
  for (const answer of last?.answers ?? []) {
    const about = answer.site;
    const { model } = await federation.reduce({
      round,
      about,
      reducer: weightedMean,
      base: { model: (last?.base ?? global).model },
      answers: [answer],
      weights: [1],
    });
    await federation.exchange({ name: VALIDATE, round, about, inputs: { model } }, sites);
  }
  await federation.publish(round);
}
