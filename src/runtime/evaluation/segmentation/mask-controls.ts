import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LabelledVolume, STEPS } from '../../../preprocess/volume/labelled-volume.ts';
import { f32At, f64At, u8At } from '../../base/at.ts';
import { sum } from '../../base/sum.ts';
import type { VolumeSet } from '../../learning/dataset/volume-set.ts';

/** What a control may look at, and how it labels voxels. */
export const MASK_CONTROLS = {
  empty: 'nothing: no voxel has a label',
  place: 'where the masks of training lie in the box of the head, from a share of them on',
  brightness: 'voxels of the first channel that are brighter than a threshold',
} as const;
export type MaskControlName = keyof typeof MASK_CONTROLS;
export const MASK_CONTROL_NAMES = Object.keys(MASK_CONTROLS) as MaskControlName[];

/** Mean Dice of each tested volume over the labels that its mask shows, by control; null for a mask that shows none. */
export type MaskControlScores = Readonly<Record<MaskControlName, readonly (number | null)[]>>;

/** What the controls come to, or why there are none. */
export type JudgedMaskControls = { readonly scores: MaskControlScores } | { readonly reason: string };

/** How much speaks for a label at each voxel, from 0 to 1. */
type Evidence = (volume: LabelledVolume, label: number) => Float32Array;

/** Cells along each axis of the box of the head. */
const CELLS = 24;
/** Between which standard deviations of the head a threshold of brightness is looked for. */
const DARKEST = -2;
const BRIGHTEST = 7;
/** Thresholds that are tried. */
const TRIED = 256;

/** Volumes one after the other. */
async function* volumesOf(set: VolumeSet, signal: AbortSignal | undefined): AsyncGenerator<LabelledVolume> {
  for (const example of set.volumes) {
    signal?.throwIfAborted();
    yield await set.read(example);
    await nextTurn();
  }
}

/**
 * What labels volumes without a network: `place` and `brightness` take from the training volumes for each label what speaks for it, and the threshold
 * at which the mean Dice of the training volumes that show it is highest.
 */
export async function judgeMaskControls(
  sets: { readonly train: VolumeSet; readonly tested: VolumeSet },
  signal?: AbortSignal,
): Promise<JudgedMaskControls> {
  if (sets.train.volumes.length === 0)
    return {
      reason: 'The data have no training part for the controls to learn from: give the split with --split.',
    };
  const evidence = { place: await placeEvidence(sets.train, signal), brightness };
  const place = await scoreEvidence(evidence.place, sets, signal);
  const bright = await scoreEvidence(evidence.brightness, sets, signal);
  const empty = sets.tested.volumes.map(({ facts }) => (facts.voxels.some((count) => count > 0) ? 0 : null));
  return { scores: { empty, place, brightness: bright } };
}

function brightness({ channels: [first = new Int16Array()] }: LabelledVolume): Float32Array {
  return Float32Array.from(first, (value) =>
    Math.min(1, Math.max(0, (value / STEPS - DARKEST) / (BRIGHTEST - DARKEST))),
  );
}

/** The share of the training volumes that have a label in each cell of the box of the head, over the highest share. */
async function placeEvidence(train: VolumeSet, signal: AbortSignal | undefined): Promise<Evidence> {
  const shares = train.labels.map(() => new Float64Array(CELLS ** 3));
  const counts = new Float64Array(CELLS ** 3);
  for await (const volume of volumesOf(train, signal)) {
    const cells = cellsOf(volume);
    for (const [voxel, cell] of cells.entries()) {
      if (cell < 0) continue;
      counts[cell] = f64At(counts, cell) + 1;
      const own = shares[u8At(volume.labels, voxel) - 1];
      if (own) own[cell] = f64At(own, cell) + 1;
    }
  }
  for (const own of shares) {
    for (let cell = 0; cell < own.length; cell++) own[cell] = f64At(own, cell) / (f64At(counts, cell) || 1);
    const most = own.reduce((high, share) => Math.max(high, share), 0);
    for (let cell = 0; cell < own.length; cell++) own[cell] = f64At(own, cell) / (most || 1);
  }
  return (volume, label) => {
    const own = shares[label] ?? new Float64Array(CELLS ** 3);
    return Float32Array.from(cellsOf(volume), (cell) => (cell < 0 ? 0 : f64At(own, cell)));
  };
}

/** The cell of the box of the head in which each voxel lies; -1 outside. */
function cellsOf({ shape, channels: [first = new Int16Array()] }: LabelledVolume): Int32Array {
  const [nx, ny] = shape;
  const low = [...shape];
  const high = [-1, -1, -1];
  const placeOf = (voxel: number) => [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
  for (let voxel = 0; voxel < first.length; voxel++) {
    // The mean of the head is 0: air and skin lie below.
    if ((first[voxel] ?? 0) < 0) continue;
    for (const [axis, at] of placeOf(voxel).entries()) {
      low[axis] = Math.min(low[axis] ?? 0, at);
      high[axis] = Math.max(high[axis] ?? 0, at);
    }
  }
  return Int32Array.from(first, (_, voxel) => {
    let cell = 0;
    for (const [axis, at] of placeOf(voxel).entries()) {
      const [from, to] = [low[axis] ?? 0, high[axis] ?? 0];
      if (at < from || at > to) return -1;
      cell = cell * CELLS + Math.floor(((at - from) * CELLS) / (to - from + 1));
    }
    return cell;
  });
}

async function scoreEvidence(
  evidence: Evidence,
  { train, tested }: { readonly train: VolumeSet; readonly tested: VolumeSet },
  signal: AbortSignal | undefined,
): Promise<(number | null)[]> {
  const sums = train.labels.map(() => new Float64Array(TRIED));
  for await (const volume of volumesOf(train, signal))
    for (const [label, own] of sums.entries())
      for (const [at, dice] of diceByThreshold(evidence(volume, label), volume.labels, label + 1).entries())
        own[at] = f64At(own, at) + dice;
  const thresholds = sums.map((own) => own.indexOf(own.reduce((most, one) => Math.max(most, one), 0)));
  const scores: (number | null)[] = [];
  for await (const volume of volumesOf(tested, signal)) {
    const own = thresholds.flatMap(
      (threshold, label) =>
        diceByThreshold(evidence(volume, label), volume.labels, label + 1)[threshold] ?? [],
    );
    scores.push(own.length === 0 ? null : sum(own) / own.length);
  }
  return scores;
}

/** Dice of the voxels from each threshold on; none for a volume without the label. */
function diceByThreshold(evidence: Float32Array, labels: Uint8Array, label: number): number[] {
  const [inside, all] = [new Float64Array(TRIED), new Float64Array(TRIED)];
  let truth = 0;
  for (let voxel = 0; voxel < labels.length; voxel++) {
    const bin = Math.min(TRIED - 1, Math.floor(f32At(evidence, voxel) * TRIED));
    all[bin] = f64At(all, bin) + 1;
    if (u8At(labels, voxel) !== label) continue;
    inside[bin] = f64At(inside, bin) + 1;
    truth++;
  }
  if (truth === 0) return [];
  let [both, called] = [0, 0];
  const dice = new Array<number>(TRIED).fill(0);
  for (let bin = TRIED - 1; bin >= 0; bin--) {
    both += f64At(inside, bin);
    called += f64At(all, bin);
    dice[bin] = (2 * both) / (called + truth);
  }
  return dice;
}
