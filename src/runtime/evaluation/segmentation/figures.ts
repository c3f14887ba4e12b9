import { type Estimate, estimateOf, type Groups, indexGroups, shareOf } from '../../statistics/figure.ts';
import { meanEstimate, type ResamplingOptions, ratioEstimate } from '../../statistics/mean-estimate.ts';
import type { MaskScore } from './score-case.ts';

/** Scores of one kind of voxel over images, and whom each image is of. */
export interface ScoredImages {
  readonly groups: readonly string[];
  /** [images] */
  readonly scores: readonly MaskScore[];
}

/** Every figure of one kind of voxel with its 95 % interval. */
export type SegmentationFigures = Readonly<Record<(typeof SEGMENTATION_FIGURES)[number], Estimate>>;

export const SEGMENTATION_FIGURES = [
  'dice',
  'dice_pooled',
  'sensitivity',
  'precision',
  'hd95',
  'lesion_dice',
  'lesion_hd95',
  'lesion_sensitivity',
  'lesion_precision',
  'volume_difference',
  'volume_error',
] as const;

/**
 * Figures over images. `dice`, `hd95` (mm), `lesion_dice`, `lesion_hd95` (mm), `volume_difference` (ml, predicted minus truth) and `volume_error` (ml,
 * its size) are means over images, in which empty masks count as BraTS has it. `dice_pooled`, `sensitivity` and `precision` are of the voxels of
 * all images together; `lesion_sensitivity` is the share of the lesions that are found, `lesion_precision` that of the findings that are lesions.
 */
export function segmentationFigures(
  { groups: names, scores }: ScoredImages,
  options: ResamplingOptions = {},
): SegmentationFigures {
  const groups = indexGroups(names);
  const mean = (value: (score: MaskScore) => number, range: { least?: number; most?: number } = {}) =>
    meanEstimate(scores.map(value), groups, { ...options, ...range });
  const ratio = (above: (score: MaskScore) => number, below: (score: MaskScore) => number) =>
    ratioEstimate({ above: scores.map(above), below: scores.map(below) }, groups, { ...options, most: 1 });
  return {
    dice: mean(({ dice }) => dice, { most: 1 }),
    dice_pooled: ratio(
      ({ overlap }) => 2 * overlap.both,
      ({ overlap }) => overlap.truth + overlap.predicted,
    ),
    sensitivity: ratio(
      ({ overlap }) => overlap.both,
      ({ overlap }) => overlap.truth,
    ),
    precision: ratio(
      ({ overlap }) => overlap.both,
      ({ overlap }) => overlap.predicted,
    ),
    hd95: mean(({ hd95 }) => hd95),
    lesion_dice: mean(({ lesions }) => lesions.dice, { most: 1 }),
    lesion_hd95: mean(({ lesions }) => lesions.hd95),
    lesion_sensitivity: shareOfEach(scores, groups, ({ lesions }) => ({
      holds: lesions.lesions.filter(({ parts }) => parts > 0).length,
      of: lesions.lesions.length,
    })),
    lesion_precision: shareOfEach(scores, groups, ({ lesions }) => ({
      holds: lesions.findings - lesions.false_findings,
      of: lesions.findings,
    })),
    volume_difference: mean((score) => score.predicted_ml - score.truth_ml, {
      least: Number.NEGATIVE_INFINITY,
    }),
    volume_error: mean((score) => Math.abs(score.predicted_ml - score.truth_ml)),
  };
}

/** A share of things of which each image has several, by Wilson's interval: things of one group count as far as they come out alike. */
function shareOfEach(
  scores: readonly MaskScore[],
  groups: Groups,
  count: (score: MaskScore) => { holds: number; of: number },
): Estimate {
  const holds: number[] = [];
  const owners: number[] = [];
  for (const [row, score] of scores.entries()) {
    const { holds: some, of } = count(score);
    for (let at = 0; at < of; at++) {
      holds.push(at < some ? 1 : 0);
      owners.push(groups.of[row] ?? 0);
    }
  }
  return estimateOf(shareOf(holds, { of: Int32Array.from(owners), count: groups.count }));
}
