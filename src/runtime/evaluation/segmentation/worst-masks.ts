import { sum } from '../../base/sum.ts';
import { diceOfShown, type ScoredVolume } from './judged-volumes.ts';
import type { MaskEvaluation } from './mask-result.ts';
import type { MaskWork } from './mask-work.ts';
import { type LabelledPair, labelVolume } from './score-volumes.ts';

/** A volume that was labelled badly. */
export interface WorstMask {
  readonly described: MaskEvaluation['worst_cases'][number];
  /** Labels it again: not all volumes are kept. */
  read(): Promise<LabelledPair>;
}

/** Those of the lowest Dice; a volume without a label, in which some is found, is as bad as one of Dice 0. */
export function worstMasks(work: MaskWork, scored: readonly ScoredVolume[]): WorstMask[] {
  const { tested, predictor, options } = work;
  const names = new Set<string>();
  return scored
    .flatMap((one, at) => {
      const example = tested.volumes[at];
      return example ? [{ one, example, worth: worthOf(one) }] : [];
    })
    .sort((a, b) => a.worth - b.worth)
    .slice(0, options.cases)
    .map(({ one, example }) => ({
      described: {
        id: one.id,
        site: one.site,
        image: one.image,
        dice: diceOfShown(one.scores),
        truth_ml: sum(one.scores.map(({ truth_ml: ml }) => ml)),
        predicted_ml: sum(one.scores.map(({ predicted_ml: ml }) => ml)),
        overlay: overlayOf(one.id, names),
      },
      read: () => labelVolume(tested, example, predictor.outputs),
    }));
}

function worthOf({ scores }: ScoredVolume): number {
  const dice = diceOfShown(scores);
  if (dice !== null) return dice;
  return scores.every(({ overlap }) => overlap.predicted === 0) ? 1 : 0;
}

/** Of several volumes of a person the second has a 2. */
function overlayOf(id: string, names: Set<string>): string {
  let name = `overlays/${id}.png`;
  for (let nth = 2; names.has(name); nth++) name = `overlays/${id}-${nth}.png`;
  names.add(name);
  return name;
}
