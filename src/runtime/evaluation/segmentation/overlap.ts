import { u8At } from '../../base/at.ts';
import type { VolumeMask } from './mask.ts';

/** Voxels of one kind, counted: what Dice, sensitivity and precision are made of, of one image or of the sums of many. */
export interface Overlap {
  /** In truth and prediction. */
  readonly both: number;
  readonly truth: number;
  readonly predicted: number;
}

/** @throws RangeError for masks of different shapes */
export function overlapOf(truth: VolumeMask, predicted: VolumeMask): Overlap {
  if (truth.shape.join() !== predicted.shape.join() || truth.inside.length !== predicted.inside.length)
    throw new RangeError(`masks of ${truth.inside.length} and ${predicted.inside.length} voxels`);
  let [both, own, said] = [0, 0, 0];
  for (let at = 0; at < truth.inside.length; at++) {
    const [is, called] = [u8At(truth.inside, at), u8At(predicted.inside, at)];
    both += is & called;
    own += is;
    said += called;
  }
  return { both, truth: own, predicted: said };
}

/** 2 |A and B| / (|A| + |B|) (Dice, 1945); 1 where both are empty, as BraTS has it. */
export function diceOf({ both, truth, predicted }: Overlap): number {
  return truth + predicted === 0 ? 1 : (2 * both) / (truth + predicted);
}

/** Share of the truth that is found; 1 where both are empty, 0 where the truth alone is, as BraTS has it. */
export function sensitivityOf({ both, truth, predicted }: Overlap): number {
  return truth > 0 ? both / truth : predicted === 0 ? 1 : 0;
}

/** Share of the prediction that is right; 1 where both are empty, 0 where the prediction alone is. */
export function precisionOf({ both, truth, predicted }: Overlap): number {
  return predicted > 0 ? both / predicted : truth === 0 ? 1 : 0;
}
