import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Vector } from '../../src/preprocess/nifti/affine.ts';
import { squaredDistances } from '../../src/preprocess/volume/distance-transform.ts';
import { connectedComponents, dilate } from '../../src/runtime/evaluation/segmentation/components.ts';
import { scoreLesions } from '../../src/runtime/evaluation/segmentation/lesions.ts';
import type { VolumeMask } from '../../src/runtime/evaluation/segmentation/mask.ts';
import { BRATS_2023, type LesionRules } from '../../src/runtime/evaluation/segmentation/rules.ts';
import { scoreMasks } from '../../src/runtime/evaluation/segmentation/score-case.ts';
import { hausdorff95 } from '../../src/runtime/evaluation/segmentation/surface.ts';

/** Every figure against its definition, worked out by lists of places, without any of the code it is held to. */

type Place = readonly [number, number, number];

const side = fc.integer({ min: 1, max: 7 });
const size = fc.double({ min: 0.4, max: 3, noNaN: true });

/** Masks of one grid, from nearly empty to nearly full. */
const masks = fc
  .record({
    shape: fc.tuple(side, side, side),
    voxel: fc.tuple(size, size, size),
    share: fc.double({ min: 0.02, max: 0.9, noNaN: true }),
  })
  .chain(({ shape, voxel, share }) => {
    const cell = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => (value < share ? 1 : 0));
    const voxels = shape[0] * shape[1] * shape[2];
    const cells = fc.array(cell, { minLength: voxels, maxLength: voxels });
    const mask = cells.map((inside): VolumeMask => ({ shape, voxel, inside: Uint8Array.from(inside) }));
    return fc.tuple(mask, mask);
  });

function placesOf({ shape: [nx, ny], inside }: VolumeMask): Place[] {
  return [...inside.keys()]
    .filter((at) => inside[at] === 1)
    .map((at) => [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))]);
}

const isSame = (one: Place, other: Place) => one.every((value, axis) => value === other[axis]);
const steps = (one: Place, other: Place) => one.map((value, axis) => Math.abs(value - (other[axis] ?? 0)));
const isNear = (one: Place, other: Place) => Math.max(...steps(one, other)) <= 1;
const away = (one: Place, other: Place, voxel: Vector) =>
  Math.hypot(...steps(one, other).map((step, axis) => step * (voxel[axis] ?? 0)));

/** Sets of places that hang together. */
function partsOf(places: readonly Place[]): Place[][] {
  const left = [...places];
  const parts: Place[][] = [];
  for (let seed = left.pop(); seed; seed = left.pop()) {
    const part = [seed];
    for (const own of part)
      for (let at = left.length - 1; at >= 0; at--) {
        const [other] = isNear(own, left[at] ?? own) ? left.splice(at, 1) : [];
        if (other) part.push(other);
      }
    parts.push(part);
  }
  return parts;
}

/** All places of a grid within steps of a face or an edge. */
function grown(places: readonly Place[], shape: Vector, times: number): Place[] {
  let own = [...places];
  for (let step = 0; step < times; step++) {
    const next: Place[] = [];
    for (let z = 0; z < shape[2]; z++)
      for (let y = 0; y < shape[1]; y++)
        for (let x = 0; x < shape[0]; x++) {
          const here: Place = [x, y, z];
          const joins = (other: Place) =>
            isNear(here, other) && steps(here, other).reduce((sum, one) => sum + one, 0) <= 2;
          if (own.some(joins)) next.push(here);
        }
    own = next;
  }
  return own;
}

const has = (places: readonly Place[], place: Place) => places.some((other) => isSame(place, other));

function slowSurface(places: readonly Place[], shape: Vector): readonly Place[] {
  if (shape.every((size) => size === 1)) return places;
  return places.filter((place) =>
    ([0, 1, 2] as const).some((axis) => {
      if (shape[axis] === 1) return false;
      const next = (step: number): Place => [
        place[0] + (axis === 0 ? step : 0),
        place[1] + (axis === 1 ? step : 0),
        place[2] + (axis === 2 ? step : 0),
      ];
      return !has(places, next(-1)) || !has(places, next(1));
    }),
  );
}

function slowPercentile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = 0.95 * (sorted.length - 1);
  const [below = 0, above = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below * (1 - (at - Math.floor(at))) + above * (at - Math.floor(at));
}

function slowHausdorff(
  one: readonly Place[],
  other: readonly Place[],
  { shape, voxel }: VolumeMask,
): number | null {
  if (one.length === 0 || other.length === 0) return one.length === other.length ? 0 : null;
  const [a, b] = [slowSurface(one, shape), slowSurface(other, shape)];
  const directed = (from: readonly Place[], to: readonly Place[]) =>
    slowPercentile(from.map((place) => Math.min(...to.map((target) => away(place, target, voxel)))));
  return Math.max(directed(a, b), directed(b, a));
}

const slowDice = (one: readonly Place[], other: readonly Place[]) =>
  (2 * one.filter((place) => has(other, place)).length) / (one.length + other.length);

/** BraTS 2023, by its text: each lesion grown by itself. */
function slowLesions(truth: VolumeMask, predicted: VolumeMask, rules: LesionRules) {
  const [own, parts] = [placesOf(truth), partsOf(placesOf(predicted))];
  const volume = truth.voxel[0] * truth.voxel[1] * truth.voxel[2];
  const together = partsOf(grown(own, truth.shape, rules.dilation)).map((area) =>
    own.filter((place) => has(area, place)),
  );
  const used = new Set<Place[]>();
  const rows = together.map((lesion) => {
    const near = grown(lesion, truth.shape, rules.dilation);
    const found = parts.filter((part) => part.some((place) => has(near, place)));
    for (const part of found) used.add(part);
    const said = found.flat();
    return {
      size: lesion.length * volume,
      dice: slowDice(lesion, said),
      hd95: slowHausdorff(lesion, said, truth),
    };
  });
  const kept = rows.filter((row) => row.size > rules.least_mm3);
  const missing = parts.length - used.size;
  const count = kept.length + missing;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    lesions: kept.length,
    missing,
    dice: count === 0 ? 1 : sum(kept.map(({ dice }) => dice)) / count,
    hd95:
      count === 0
        ? 0
        : (sum(kept.map(({ hd95 }) => hd95 ?? rules.penalty_mm)) + missing * rules.penalty_mm) / count,
  };
}

describe('segmentation', () => {
  it('distances are those to the nearest voxel of all', () => {
    fc.assert(
      fc.property(masks, ([mask]) => {
        const set = placesOf(mask);
        const found = squaredDistances(mask.inside, mask);
        const all = placesOf({ ...mask, inside: new Uint8Array(mask.inside.length).fill(1) });
        for (const [at, place] of all.entries()) {
          const nearest = Math.min(...set.map((other) => away(place, other, mask.voxel)));
          if (set.length === 0) expect(found[at]).toBe(Number.POSITIVE_INFINITY);
          else expect(Math.sqrt(found[at] ?? -1)).toBeCloseTo(nearest, 9);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('parts hang together by 26 neighbours, and grow by faces and edges', () => {
    fc.assert(
      fc.property(masks, fc.integer({ min: 0, max: 2 }), ([mask], times) => {
        const found = connectedComponents(mask);
        const parts = partsOf(placesOf(mask));
        expect(found.count).toBe(parts.length);
        const labels = (part: readonly Place[]) =>
          new Set(part.map(([x, y, z]) => found.labels[(z * mask.shape[1] + y) * mask.shape[0] + x]));
        expect(new Set(parts.flatMap((part) => [...labels(part)])).size).toBe(parts.length);
        for (const part of parts) expect(labels(part).size).toBe(1);
        expect(placesOf(dilate(mask, times))).toEqual(
          times === 0 ? placesOf(mask) : grown(placesOf(mask), mask.shape, times),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('HD95 is the percentile of all pairs of surface voxels', () => {
    fc.assert(
      fc.property(masks, ([truth, predicted]) => {
        const slow = slowHausdorff(placesOf(truth), placesOf(predicted), truth);
        const found = hausdorff95(truth, predicted);
        if (slow === null) expect(found).toBeNull();
        else expect(found).toBeCloseTo(slow, 9);
      }),
      { numRuns: 60 },
    );
  });

  const mask = (shape: Vector, inside: readonly number[]): VolumeMask => ({
    shape,
    voxel: [1, 2, 4],
    inside: Uint8Array.from(inside),
  });
  it.each<[string, VolumeMask, VolumeMask, number]>([
    ['the same voxel of a row', mask([2, 1, 1], [1, 0]), mask([2, 1, 1], [1, 0]), 0],
    ['a voxel of a row and another', mask([1, 2, 1], [1, 0]), mask([1, 2, 1], [0, 1]), 2],
    ['the voxel of a grid of one', mask([1, 1, 1], [1]), mask([1, 1, 1], [1]), 0],
    // Every voxel of a plane of a volume is surface: the middle of it, too, which is 1 mm from the ring around it.
    [
      'a plane of a volume, and it without its middle',
      mask([3, 3, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      mask([3, 3, 2], [1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      0.6,
    ],
    // Of a slice it is none.
    [
      'a slice, and it without its middle',
      mask([3, 3, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1]),
      mask([3, 3, 1], [1, 1, 1, 1, 0, 1, 1, 1, 1]),
      0,
    ],
  ])('HD95 of %s: edges that the grid has count, however little is inside', (_, one, other, expected) => {
    expect(hausdorff95(one, other)).toBeCloseTo(expected, 9);
    const rules = { dilation: 0, least_mm3: 0, penalty_mm: 374 };
    if (expected < 1) expect(scoreLesions(one, other, rules).hd95).toBeCloseTo(expected, 9);
    expect(slowHausdorff(placesOf(one), placesOf(other), one)).toBeCloseTo(expected, 9);
  });

  it('lesions are joined, matched and scored one by one', () => {
    const rules = fc.record({
      dilation: fc.integer({ min: 0, max: 2 }),
      least_mm3: fc.double({ min: 0, max: 10, noNaN: true }),
      penalty_mm: fc.constant(374),
    });
    fc.assert(
      fc.property(masks, rules, ([truth, predicted], own) => {
        const slow = slowLesions(truth, predicted, own);
        const found = scoreLesions(truth, predicted, own);
        expect(found.lesions.length).toBe(slow.lesions);
        expect(found.false_findings).toBe(slow.missing);
        expect(found.dice).toBeCloseTo(slow.dice, 9);
        expect(found.hd95).toBeCloseTo(slow.hd95, 9);
      }),
      { numRuns: 40 },
    );
  });
});

const recorded = z
  .object({
    shape: z.tuple([z.number(), z.number(), z.number()]),
    cases: z.array(
      z.object({
        challenge: z.enum(['BraTS-GLI', 'BraTS-MEN', 'BraTS-PED', 'BraTS-MET']),
        voxel: z.tuple([z.number(), z.number(), z.number()]),
        truth: z.string(),
        predicted: z.string(),
        dice: z.number(),
        hd95: z.number(),
        sensitivity: z.number(),
        lesion_dice: z.number(),
        lesion_hd95: z.number(),
        found: z.number(),
        missed: z.number(),
        false_findings: z.number(),
        truth_mm3: z.number(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../parity/segmentation.json', import.meta.url), 'utf8')));

describe('as MONAI and BraTS 2023 have it (test/parity/segmentation.py)', () => {
  const unpacked = (bits: string) => {
    const bytes = Buffer.from(bits, 'base64');
    const [nx, ny, nz] = recorded.shape;
    return Uint8Array.from(
      { length: nx * ny * nz },
      (_, at) => ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1,
    );
  };

  it.each(recorded.cases.map((one, at) => ({ ...one, at })))('case $at, $challenge', (one) => {
    const grid = { shape: recorded.shape, voxel: one.voxel };
    const truth = { ...grid, inside: unpacked(one.truth) };
    const predicted = { ...grid, inside: unpacked(one.predicted) };
    const found = scoreMasks(truth, predicted, BRATS_2023[one.challenge]);
    const { lesions } = found.lesions;
    expect(lesions.filter(({ parts }) => parts > 0).length).toBe(one.found);
    expect(lesions.filter(({ parts }) => parts === 0).length).toBe(one.missed);
    expect(found.lesions.false_findings).toBe(one.false_findings);
    expect(found.dice).toBeCloseTo(one.dice, 9);
    expect(found.sensitivity).toBeCloseTo(one.sensitivity, 9);
    expect(found.hd95).toBeCloseTo(one.hd95, 5);
    expect(found.lesions.dice).toBeCloseTo(one.lesion_dice, 9);
    expect(found.lesions.hd95).toBeCloseTo(one.lesion_hd95, 5);
    expect(1000 * found.truth_ml).toBeCloseTo(one.truth_mm3, 3);
  });
});
