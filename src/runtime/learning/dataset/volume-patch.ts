import { type LabelledVolume, STEPS } from '../../../preprocess/volume/labelled-volume.ts';
import type { Random } from '../../base/random.ts';
import type { PatchSize } from '../models/unet-spec.ts';

/** A box of an example, in memory of its own: axes to right, anterior, superior, the first fastest. */
export interface VolumePatch {
  readonly shape: PatchSize;
  /** One a channel, in standard deviations of its head. */
  readonly channels: readonly Float32Array[];
  /** 0 background, else 1 and the place of the label. */
  readonly labels: Uint8Array;
}

/** Changes a patch for training, in place; all that is random comes from `random`. */
export type AugmentPatch = (patch: VolumePatch, random: Random) => void;

/** First voxel of a patch along each axis. */
export type Corner = readonly [number, number, number];

/** The box of `shape` voxels from `corner` on; it lies within the volume. */
export function cutPatch(
  { shape: whole, channels, labels }: LabelledVolume,
  shape: PatchSize,
  corner: Corner,
): VolumePatch {
  const size = shape[0] * shape[1] * shape[2];
  const patch = { shape, channels: channels.map(() => new Float32Array(size)), labels: new Uint8Array(size) };
  let to = 0;
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      const from = ((corner[2] + z) * whole[1] + corner[1] + y) * whole[0] + corner[0];
      patch.labels.set(labels.subarray(from, from + shape[0]), to);
      for (const [channel, values] of channels.entries())
        scaleRow(values.subarray(from, from + shape[0]), patch.channels[channel], to);
      to += shape[0];
    }
  }
  return patch;
}

function scaleRow(values: Int16Array, into: Float32Array | undefined, at: number): void {
  for (let x = 0; into && x < values.length; x++) into[at + x] = (values[x] ?? 0) / STEPS;
}

/** Values of all channels side by side, [superior, anterior, right, channels]. */
export function interleave(channels: readonly Float32Array[], into: Float32Array): void {
  for (const [channel, values] of channels.entries())
    for (let voxel = 0; voxel < values.length; voxel++)
      into[voxel * channels.length + channel] = values[voxel] ?? 0;
}

/**
 * Where a patch begins that is drawn for training: with a chance of `foreground` one around a voxel of a label that the volume has (each label
 * as often as the others), else anywhere.
 */
export function drawCorner(
  { shape, places }: LabelledVolume,
  { patch, foreground }: { patch: PatchSize; foreground: number },
  random: Random,
): Corner {
  const present = places.filter(({ length }) => length > 0);
  const isAround = random.next() < foreground && present.length > 0;
  const own = isAround ? present[random.int(present.length)] : undefined;
  const voxel = own?.[random.int(own.length)];
  const place = voxel === undefined ? undefined : coordinates(voxel, shape);
  const start = (axis: 0 | 1 | 2) => {
    const last = shape[axis] - patch[axis];
    // Those that begin so that the voxel is inside.
    const [low, high] = place
      ? [Math.max(0, place[axis] - patch[axis] + 1), Math.min(last, place[axis])]
      : [0, last];
    return low + random.int(high - low + 1);
  };
  return [start(0), start(1), start(2)];
}

function coordinates(voxel: number, [width, height]: LabelledVolume['shape']): Corner {
  return [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height))];
}
