import { type LesionScore, scoreLesions } from './lesions.ts';
import { maskOf, type VolumeMask, voxelVolume } from './mask.ts';
import { diceOf, type Overlap, overlapOf, precisionOf, sensitivityOf } from './overlap.ts';
import type { LabelRegion } from './regions.ts';
import type { LesionRules } from './rules.ts';
import { hausdorff95 } from './surface.ts';

/** What one predicted mask of one kind is worth. Empty masks are scored as BraTS does: see each figure. */
export interface MaskScore {
  readonly overlap: Overlap;
  /** 1 where both are empty, 0 where one is. */
  readonly dice: number;
  /** 1 where both are empty, 0 where the truth alone is. */
  readonly sensitivity: number;
  /** 1 where both are empty, 0 where the prediction alone is. */
  readonly precision: number;
  /** mm: 0 where both are empty, the penalty where one is. */
  readonly hd95: number;
  readonly lesions: LesionScore;
  readonly truth_ml: number;
  readonly predicted_ml: number;
}

/** @throws RangeError for masks of different shapes */
export function scoreMasks(truth: VolumeMask, predicted: VolumeMask, rules: LesionRules): MaskScore {
  const overlap = overlapOf(truth, predicted);
  const ml = voxelVolume(truth) / 1000;
  return {
    overlap,
    dice: diceOf(overlap),
    sensitivity: sensitivityOf(overlap),
    precision: precisionOf(overlap),
    hd95: hausdorff95(truth, predicted) ?? rules.penalty_mm,
    lesions: scoreLesions(truth, predicted, rules),
    truth_ml: overlap.truth * ml,
    predicted_ml: overlap.predicted * ml,
  };
}

/** A predicted volume of labels beside that of the truth, on one grid. */
export interface LabelPair extends Pick<VolumeMask, 'shape' | 'voxel'> {
  /** [voxels], the first axis fastest. */
  readonly truth: Uint8Array;
  readonly predicted: Uint8Array;
}

/** One score a region, in their order. */
export function scoreRegions(
  pair: LabelPair,
  regions: readonly LabelRegion[],
  rules: LesionRules,
): MaskScore[] {
  return regions.map(({ labels }) =>
    scoreMasks(maskOf(pair.truth, labels, pair), maskOf(pair.predicted, labels, pair), rules),
  );
}
