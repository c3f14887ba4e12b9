import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/runtime/base/random.ts';
import { segmentationFigures } from '../../../src/runtime/evaluation/segmentation/figures.ts';
import { regionsOf } from '../../../src/runtime/evaluation/segmentation/regions.ts';
import { BRATS_2023 } from '../../../src/runtime/evaluation/segmentation/rules.ts';
import { scoreRegions } from '../../../src/runtime/evaluation/segmentation/score-case.ts';
import { indexGroups } from '../../../src/runtime/statistics/figure.ts';
import { ratioEstimate } from '../../../src/runtime/statistics/mean-estimate.ts';

const SHAPE = [16, 16, 8] as const;
const GRID = { shape: SHAPE, voxel: [1, 1, 2] as const };

/** Labels with boxes in them: from x, y, z to 4 voxels on. */
function boxes(
  ...places: readonly (readonly [label: number, x: number, y: number, z: number])[]
): Uint8Array {
  const labels = new Uint8Array(SHAPE[0] * SHAPE[1] * SHAPE[2]);
  for (const [label, x, y, z] of places)
    for (let k = z; k < z + 4; k++)
      for (let j = y; j < y + 4; j++)
        for (let i = x; i < x + 4; i++) labels[(k * SHAPE[1] + j) * SHAPE[0] + i] = label;
  return labels;
}

const score = (truth: Uint8Array, predicted: Uint8Array, regions = regionsOf(['core', 'oedema'])) =>
  scoreRegions({ ...GRID, truth, predicted }, regions, BRATS_2023['BraTS-MET']);

describe('figures of segmentation', () => {
  it('judges each label by itself, and several as one where a region says so', () => {
    const truth = boxes([1, 0, 0, 0], [2, 4, 0, 0]);
    const predicted = boxes([2, 0, 0, 0], [1, 4, 0, 0]);
    expect(score(truth, predicted).map(({ dice }) => dice)).toEqual([0, 0]);
    const [whole] = score(truth, predicted, [{ name: 'whole', labels: [1, 2] }]);
    expect(whole).toMatchObject({ dice: 1, hd95: 0, truth_ml: 0.256, predicted_ml: 0.256 });
    expect(whole?.lesions).toMatchObject({ dice: 1, hd95: 0, findings: 1, false_findings: 0 });
  });

  it('scores empty masks as BraTS does: right where both are, wrong by the penalty where one is', () => {
    const [none, missed] = score(boxes([2, 0, 0, 0]), boxes());
    expect(none).toMatchObject({ dice: 1, hd95: 0, sensitivity: 1, precision: 1 });
    expect(missed).toMatchObject({ dice: 0, hd95: 374, sensitivity: 0, precision: 0 });
    const [, called] = score(boxes(), boxes([2, 0, 0, 0]));
    expect(called).toMatchObject({ dice: 0, hd95: 374, sensitivity: 0, precision: 0 });
  });

  it('tells means over images, figures of all voxels together, and counts of lesions', () => {
    const scores = [
      score(boxes([1, 0, 0, 0], [1, 10, 10, 0]), boxes([1, 0, 0, 0])),
      score(boxes([1, 0, 0, 0]), boxes([1, 2, 0, 0])),
      score(boxes([1, 0, 0, 0]), boxes([1, 0, 0, 0], [1, 10, 10, 0])),
      score(boxes(), boxes()),
    ].flatMap(([core]) => core ?? []);
    const found = segmentationFigures({ groups: ['a', 'b', 'c', 'd'], scores });
    expect(found.dice.value).toBeCloseTo((2 / 3 + 0.5 + 2 / 3 + 1) / 4, 12);
    expect(found.dice_pooled.value).toBeCloseTo((2 * (64 + 32 + 64)) / (192 + 128 + 192), 12);
    expect(found.sensitivity.value).toBeCloseTo(160 / 256, 12);
    expect(found.precision.value).toBeCloseTo(160 / 256, 12);
    expect(found.lesion_sensitivity.value).toBeCloseTo(3 / 4, 12);
    expect(found.lesion_precision.value).toBeCloseTo(3 / 4, 12);
    expect(found.volume_difference.value).toBeCloseTo(0, 12);
    expect(found.volume_error.value).toBeCloseTo(0.064, 12);
    for (const { value, low, high } of Object.values(found)) {
      expect(low).toBeLessThanOrEqual(value ?? 0);
      expect(high).toBeGreaterThanOrEqual(value ?? 0);
    }
    expect(found.dice_pooled.high).toBeLessThanOrEqual(1);
    expect(found.volume_difference.low).toBeLessThan(0);
  });

  it('of no voxels are null, and of images that do not differ have no interval', () => {
    const [empty] = score(boxes(), boxes());
    const scores = empty ? [empty, empty] : [];
    const found = segmentationFigures({ groups: ['a', 'b'], scores });
    expect(found.dice).toEqual({ value: 1, low: null, high: null });
    for (const name of ['dice_pooled', 'sensitivity', 'precision', 'lesion_sensitivity'] as const)
      expect(found[name].value).toBeNull();
  });

  it('has intervals of a pooled Dice that hold the true one, with two images of a patient', () => {
    const [samples, patients] = [120, 25];
    const groups = indexGroups(Array.from({ length: 2 * patients }, (_, row) => `patient-${row >> 1}`));
    // Of 60 voxels of truth and 60 of the prediction 45 are in both on average, by patient 35 to 55.
    const held = Array.from({ length: samples }, (_, sample) => {
      const random = createRandom('dice', sample);
      const both = Array.from({ length: patients }, () => 35 + random.int(21)).flatMap((own) =>
        [own, own].map((mean) => mean + random.int(5) - 2),
      );
      const rows = { above: both.map((count) => 2 * count), below: both.map(() => 120) };
      const { low, high } = ratioEstimate(rows, groups, { replicates: 400, most: 1 });
      return low !== null && high !== null && low <= 0.75 && high >= 0.75;
    });
    expect(held.filter(Boolean).length / samples).toBeGreaterThanOrEqual(0.9);
  });

  it('refuses masks of different shapes', () => {
    const pair = { ...GRID, truth: boxes(), predicted: boxes() };
    const [region] = regionsOf(['core']);
    expect(() =>
      scoreRegions(
        { ...pair, predicted: new Uint8Array(8) },
        region ? [region] : [],
        BRATS_2023['BraTS-GLI'],
      ),
    ).toThrow(RangeError);
  });
});
