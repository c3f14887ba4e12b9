import { earlyStopping, type StoppingOptions } from './early-stopping.ts';
import { evaluateAtSites } from './evaluation/evaluate-sites.ts';
import { harmonise } from './harmonisation/harmonise.ts';
import type { Method } from './harmonisation/record.ts';
import { HARMONISATION } from './harmonisation/tasks.ts';
import { averageNote, averageOf, withAverage } from './model-average.ts';
import { type OwnOptions, personalize, scoreOwn, trainBeside } from './own-models.ts';
import { weightedMean } from './reducers/weighted-mean.ts';
import { type OwnModel, VALIDATE } from './task.ts';
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

export interface Rounds {
  readonly numRounds: number;
  readonly maxWeightRatio: number;
  /** Those that its workflow does not have are undefined. */
  readonly options: OwnOptions &
    StoppingOptions & {
      readonly ema_decay?: number;
      readonly cross_site_evaluation?: boolean;
      /** Whether sites judge the last model on their test images. */
      readonly final_evaluation?: boolean;
      /** What takes scanners out of the pictures, before the first training. */
      readonly harmonisation?: 'none' | Method;
    };
  /** Whether sites train a personal model in each round, beside the global one. */
  readonly hasPersonal?: boolean;
}

/**
 * Rounds in which all sites of a round train the global model, and the score of the last one. Where it is asked for sites also train models
 * of their own, which stay with them, and what they sent last is scored by all.
 * @param make the new global payload of a round
 */
export async function trainRounds(
  federation: Federation,
  { numRounds, maxWeightRatio: ratio, options, hasPersonal = false }: Rounds,
  make: (trained: TrainedRound) => Promise<Payload>,
): Promise<Payload> {
  const {
    personalize_rounds: steps = 0,
    train_alone: alone = false,
    harmonisation: method = 'none',
    final_evaluation: isJudged = false,
    ema_decay: decay = 0,
  } = options;
  const whyStop = earlyStopping(options, numRounds);
  const beside = besideRounds(federation, {
    personal: hasPersonal,
    alone: alone && (steps > 0 || hasPersonal),
  });
  let global = federation.initial;
  let last: TrainedRound | undefined;
  let stopped: string | undefined;
  let round = 0;
  while (round < numRounds && stopped === undefined) {
    round++;
    const sites = await federation.members(round);
    if (round === 1 && method !== 'none')
      global = await harmonise(federation, global, { method, round, sites, ratio });
    const answers = await federation.exchange({ name: 'train', round, inputs: global }, sites);
    const trained = { round, sites, base: global, answers };
    const made = harmonisedAs(global, await make(trained));
    global = await withAverage(federation, { round, decay, before: global, made });
    await beside.train(trained);
    // Which round is the last one is known beforehand only where nothing ends the training early.
    const mayBeLast = round === numRounds || (options.early_stopping_patience ?? 0) > 0;
    last = options.cross_site_evaluation && mayBeLast ? trained : undefined;
    const figure = await federation.publish(round, global, { kept: last && modelsOf(last) });
    stopped = whyStop(round, figure);
  }
  const final = averageOf(global);
  const notes = [
    ...(stopped === undefined ? [] : [stopped]),
    ...(decay === 0 ? [] : [averageNote(round, decay)]),
  ];
  await scoreLast(federation, {
    round: round + 1,
    global: final,
    last,
    steps,
    own: beside.models,
    isJudged,
    notes,
  });
  return final;
}

/** A payload by which pictures are harmonised as by another. */
function harmonisedAs({ [HARMONISATION]: harmonisation }: Partial<Payload>, payload: Payload): Payload {
  return harmonisation ? { ...payload, [HARMONISATION]: harmonisation } : payload;
}

/** Models that sites train in each round beside the global one. */
function besideRounds(federation: Federation, { personal, alone }: { personal: boolean; alone: boolean }) {
  const trainedAlone = new Set<string>();
  const models: OwnModel[] = [
    ...(personal ? (['personal'] as const) : []),
    ...(alone ? (['alone'] as const) : []),
  ];
  return {
    models,
    train: async ({ round, base, answers }: TrainedRound): Promise<void> => {
      const sites = answers.map(({ site }) => site);
      if (personal) await trainBeside(federation, 'personal', { round, sites, begin: () => base });
      if (!alone) return;
      // A model that a site trains alone begins with nothing of others.
      const begin = (site: string) =>
        trainedAlone.has(site) ? base : harmonisedAs(base, federation.initial);
      const trained = await trainBeside(federation, 'alone', { round, sites, begin });
      for (const site of trained) trainedAlone.add(site);
    },
  };
}

/** What the models of the sites are made of: it is kept where the round is closed. */
function modelsOf({ base, answers }: TrainedRound) {
  const sent = answers.flatMap(({ site, files: { model } }) => (model ? [[site, model] as const] : []));
  return { base: base.model, answers: Object.fromEntries(sent) };
}

interface Scored {
  readonly round: number;
  readonly global: Payload;
  /** Whose answers are scored at all sites, too. */
  readonly last?: TrainedRound | undefined;
  /** Rounds in which each site makes a personal model of the last one. */
  readonly steps?: number;
  /** Models that sites have of their own. */
  readonly own?: readonly OwnModel[];
  /** Whether sites judge the global model on their test images, too. */
  readonly isJudged?: boolean;
  /** Sentences for people. */
  readonly notes?: readonly string[];
}

/**
 * Sites score each model they receive, so the last one is sent out once more, for its score alone. With the last round so is the model of
 * each site that answered it: what the site received, with what it sent in place. Models of the sites' own come last: what each of these
 * ends with is the best of those that it has scored.
 */
export async function scoreLast(
  federation: Federation,
  { round, global, last, steps = 0, own = [], isJudged = false, notes = [] }: Scored,
): Promise<void> {
  const members = await federation.members(round);
  const scored = await federation.exchange({ name: 'evaluate', round, inputs: global }, members);
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
    await federation.exchange(
      { name: VALIDATE, round, about, inputs: harmonisedAs(global, { model }) },
      members,
    );
  }
  const asked = { round, sites: scored.map(({ site }) => site), inputs: global };
  if (steps > 0) {
    const sites = await personalize(federation, steps, asked);
    await scoreOwn(federation, 'personal', { ...asked, sites });
  }
  for (const model of own) await scoreOwn(federation, model, asked);
  // The run is over whether or not its model can be judged.
  if (isJudged) await evaluateAtSites(federation, { ...asked, when: 'after' });
  await federation.publish(round, undefined, { notes });
}
