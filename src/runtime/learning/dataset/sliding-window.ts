import type { LabelledVolume } from '../../../preprocess/volume/labelled-volume.ts';
import { f32At } from '../../base/at.ts';
import type { PatchSize } from '../models/unet-spec.ts';
import type { PredictExamples } from './example-set.ts';
import { type Corner, cutPatch, interleave } from './volume-patch.ts';

export interface WindowOptions {
  readonly patch: PatchSize;
  /** Outputs of a voxel: the background and the labels. */
  readonly outputs: number;
  /** Share of a patch that the next one along an axis sees, too: from 0 to below 1. */
  readonly overlap: number;
  /** Patches that the network is given at a time. */
  readonly batchSize: number;
}

/** Logits of every voxel, [voxels, outputs], in the order of the volume. */
export type VoxelLogits = Float32Array;

/**
 * What a network says of every voxel of a volume: it sees one patch after another, and where several show a voxel the mean of what it said is
 * taken, weighted by how near the middle of the patch the voxel lies (Isensee et al., "nnU-Net", 2021, supplementary note 2).
 */
export async function predictVoxels(
  volume: LabelledVolume,
  options: WindowOptions,
  predict: PredictExamples,
): Promise<VoxelLogits> {
  const { patch, outputs, batchSize } = options;
  const voxels = volume.labels.length;
  const [sums, weights] = [new Float32Array(voxels * outputs), new Float32Array(voxels)];
  const corners = cornersOf(volume.shape, options);
  const importance = importanceOf(patch);
  const size = importance.length * volume.channels.length;
  for (let start = 0; start < corners.length; start += batchSize) {
    const part = corners.slice(start, start + batchSize);
    const x = new Float32Array(part.length * size);
    for (const [row, corner] of part.entries())
      interleave(cutPatch(volume, patch, corner).channels, x.subarray(row * size, (row + 1) * size));
    const logits = await predict(x, part.length);
    const each = importance.length * outputs;
    for (const [row, corner] of part.entries())
      addPatch({ sums, weights }, logits.subarray(row * each, (row + 1) * each), {
        volume,
        patch,
        corner,
        importance,
      });
  }
  for (let voxel = 0, at = 0; voxel < voxels; voxel++)
    for (let output = 0; output < outputs; output++, at++) sums[at] = f32At(sums, at) / f32At(weights, voxel);
  return sums;
}

/** Patches that together show every voxel, spread evenly along each axis. */
export function cornersOf(
  shape: LabelledVolume['shape'],
  { patch, overlap }: Pick<WindowOptions, 'patch' | 'overlap'>,
): Corner[] {
  const [xs, ys, zs] = ([0, 1, 2] as const).map((axis) => startsAlong(shape[axis], patch[axis], overlap));
  return (zs ?? []).flatMap((z) => (ys ?? []).flatMap((y) => (xs ?? []).map((x) => [x, y, z] as const)));
}

function startsAlong(size: number, patch: number, overlap: number): number[] {
  const step = Math.max(1, Math.floor(patch * (1 - overlap)));
  const count = Math.ceil((size - patch) / step) + 1;
  return Array.from({ length: count }, (_, at) =>
    count === 1 ? 0 : Math.round((at * (size - patch)) / (count - 1)),
  );
}

/** A normal curve along each axis with a deviation of an eighth of the patch, 1 in the middle; nowhere less than a thousandth. */
function importanceOf(patch: PatchSize): Float32Array {
  const curves = patch.map((side) =>
    Array.from({ length: side }, (_, at) => Math.exp(-(((at - (side - 1) / 2) / (side / 8)) ** 2) / 2)),
  );
  const [xs = [], ys = [], zs = []] = curves;
  const values = zs.flatMap((z) => ys.flatMap((y) => xs.map((x) => Math.max(1e-3, x * y * z))));
  return Float32Array.from(values);
}

interface Placed {
  readonly volume: LabelledVolume;
  readonly patch: PatchSize;
  readonly corner: Corner;
  readonly importance: Float32Array;
}

function addPatch(
  { sums, weights }: { sums: Float32Array; weights: Float32Array },
  logits: Float32Array,
  { volume, patch, corner, importance }: Placed,
): void {
  const [width, height] = volume.shape;
  const outputs = logits.length / importance.length;
  let from = 0;
  for (let z = 0; z < patch[2]; z++) {
    for (let y = 0; y < patch[1]; y++) {
      let voxel = ((corner[2] + z) * height + corner[1] + y) * width + corner[0];
      for (let x = 0; x < patch[0]; x++, voxel++, from++) {
        const weight = f32At(importance, from);
        weights[voxel] = f32At(weights, voxel) + weight;
        for (let output = 0; output < outputs; output++) {
          const at = voxel * outputs + output;
          sums[at] = f32At(sums, at) + weight * f32At(logits, from * outputs + output);
        }
      }
    }
  }
}

/** The label of each voxel: that of the highest output, of equal ones the first. */
export function labelsOf(logits: VoxelLogits, outputs: number): Uint8Array {
  const labels = new Uint8Array(logits.length / outputs);
  for (let voxel = 0; voxel < labels.length; voxel++) {
    let best = 0;
    for (let output = 1; output < outputs; output++)
      if (f32At(logits, voxel * outputs + output) > f32At(logits, voxel * outputs + best)) best = output;
    labels[voxel] = best;
  }
  return labels;
}
