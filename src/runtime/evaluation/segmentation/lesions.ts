import { i32At } from '../../base/at.ts';
import { connectedComponents, dilate } from './components.ts';
import { cropTogether, type VolumeMask, voxelVolume } from './mask.ts';
import { diceOf, overlapOf } from './overlap.ts';
import type { LesionRules } from './rules.ts';
import { hausdorff95 } from './surface.ts';

/** A lesion of the truth. */
export interface Lesion {
  readonly ml: number;
  /** Parts of the prediction that lie in it or in what it is when it is grown. */
  readonly parts: number;
  /** Of the lesion and all these parts together; 0 where there are none. */
  readonly dice: number;
  /** mm; the penalty where there are none. */
  readonly hd95: number;
}

/** What a prediction is worth lesion by lesion. */
export interface LesionScore {
  /** Those over the least volume. */
  readonly lesions: readonly Lesion[];
  /** Parts of the prediction that belong to no lesion, not even to a small one. */
  readonly false_findings: number;
  /** Parts of the prediction. */
  readonly findings: number;
  /** Mean over lesions and false findings, which count as 0; 1 where there are none of both. */
  readonly dice: number;
  /** Mean in mm over lesions and false findings, which count as the penalty; 0 where there are none of both. */
  readonly hd95: number;
}

/**
 * Dice and HD95 lesion by lesion, as BraTS 2023 has them (Saluja et al., "BraTS-2023-Metrics"): parts of the truth with 26 neighbours that are joined
 * where they touch once they are grown, each with all parts of the prediction that lie in what is grown of it.
 */
export function scoreLesions(truth: VolumeMask, predicted: VolumeMask, rules: LesionRules): LesionScore {
  // What is grown must not meet an edge that the grid has not.
  const [own, said] = cropTogether([truth, predicted] as const, Math.max(1, rules.dilation));
  const areas = connectedComponents(dilate(own, rules.dilation));
  const parts = connectedComponents(said);
  const touched = touchedBy(areas.labels, parts.labels, areas.count);
  const matched = new Set(touched.flatMap((some) => [...some]));
  const lesions = touched
    .map((some, at) =>
      scoreLesion(at + 1, some, { own, said, areas: areas.labels, parts: parts.labels, rules }),
    )
    .filter(({ ml }) => 1000 * ml > rules.least_mm3);
  const falseFindings = parts.count - matched.size;
  const scored = lesions.length + falseFindings;
  const sum = (value: (lesion: Lesion) => number) =>
    lesions.reduce((total, lesion) => total + value(lesion), 0);
  return {
    lesions,
    false_findings: falseFindings,
    findings: parts.count,
    dice: scored === 0 ? 1 : sum(({ dice }) => dice) / scored,
    hd95: scored === 0 ? 0 : (sum(({ hd95 }) => hd95) + falseFindings * rules.penalty_mm) / scored,
  };
}

/** Of each area the parts of the prediction that lie in it. */
function touchedBy(areas: Int32Array, parts: Int32Array, count: number): ReadonlySet<number>[] {
  const touched = Array.from({ length: count }, () => new Set<number>());
  for (let at = 0; at < areas.length; at++) {
    const area = i32At(areas, at);
    const part = i32At(parts, at);
    if (area > 0 && part > 0) touched[area - 1]?.add(part);
  }
  return touched;
}

function scoreLesion(
  area: number,
  found: ReadonlySet<number>,
  all: {
    readonly own: VolumeMask;
    readonly said: VolumeMask;
    readonly areas: Int32Array;
    readonly parts: Int32Array;
    readonly rules: LesionRules;
  },
): Lesion {
  const { own, said, areas, parts, rules } = all;
  const inside = own.inside.map((value, at) => (areas[at] === area ? value : 0));
  const called = said.inside.map((value, at) => (found.has(i32At(parts, at)) ? value : 0));
  const [lesion, prediction] = cropTogether([
    { ...own, inside },
    { ...said, inside: called },
  ] as const);
  const overlap = overlapOf(lesion, prediction);
  return {
    ml: (overlap.truth * voxelVolume(own)) / 1000,
    parts: found.size,
    dice: diceOf(overlap),
    hd95: hausdorff95(lesion, prediction) ?? rules.penalty_mm,
  };
}
