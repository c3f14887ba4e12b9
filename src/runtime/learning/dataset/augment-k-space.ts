import { f32At, f64At } from '../../base/at.ts';
import type { Random } from '../../base/random.ts';
import { placementOf, type Space, sourcesOf, warpChannel } from './augment-space.ts';
import { LineTransform } from './line-transform.ts';
import { spread } from './spread.ts';

/** Where a head lies while some lines of k-space are taken. */
export interface Pose {
  /** Degrees about each axis. */
  readonly angles: readonly [number, number, number];
  /** Voxels along each axis. */
  readonly shifts: readonly [number, number, number];
}

export function drawPose(most: number, random: Random): Pose {
  const three = () => [spread(random, most), spread(random, most), spread(random, most)] as const;
  return { angles: three(), shifts: three() };
}

/**
 * Ringing at edges, of an image whose highest frequencies were not scanned: of each axis the given share of them is cut, and their place filled with
 * zeros (Gibbs, 1899; of MRI: Veraart et al., "Gibbs ringing in diffusion MRI", 2016). In place.
 * @param share 0 cuts nothing; below 1
 */
export function ringAsGibbs(values: Float32Array, shape: Space['shape'], share: number): void {
  if (share === 0) return;
  for (const axis of [0, 1, 2] as const) {
    const most = ((1 - share) * shape[axis]) / 2;
    if (shape[axis] > 1)
      keepFrequencies(values, shape, { axis, isKept: (frequency) => Math.abs(frequency) <= most });
  }
}

/**
 * Ghosts of a head that moves while it is scanned: lines of k-space along one axis are taken in the order of their frequencies, the first ones of
 * the head in one pose, the last ones in another (Shaw et al., "MRI k-space motion artefact augmentation", 2019). Those of the middle, which say
 * where the head lies, are of the head where it is, so that its mask stays right. In place.
 * @param motion.from share of the lines before which the head is in the first pose, up to 0.5
 * @param motion.to share of the lines from which on it is in the second, from 0.5
 */
export function blurByMotion(
  values: Float32Array,
  shape: Space['shape'],
  {
    axis,
    poses: [first, last],
    from,
    to,
  }: {
    readonly axis: 0 | 1 | 2;
    readonly poses: readonly [Pose, Pose];
    readonly from: number;
    readonly to: number;
  },
): void {
  const size = shape[axis];
  const moved = (pose: Pose) => {
    const copy = values.slice();
    warpChannel(copy, shape, sourcesOf(shape, { affine: placementOf(shape, pose), elastic: undefined }));
    return copy;
  };
  const taken = [
    { pose: first, isTaken: (place: number) => place < from * size },
    { pose: last, isTaken: (place: number) => place >= to * size },
  ];
  // Fourier's transform is linear: what the lines of another pose add is that of its difference.
  const parts = taken.map(({ pose, isTaken }) => {
    const difference = moved(pose);
    for (let at = 0; at < values.length; at++) difference[at] = f32At(difference, at) - f32At(values, at);
    keepFrequencies(difference, shape, {
      axis,
      isKept: (frequency) => isTaken(frequency + Math.floor(size / 2)),
    });
    return difference;
  });
  for (const part of parts)
    for (let at = 0; at < values.length; at++) values[at] = f32At(values, at) + f32At(part, at);
}

/** The real part of an image of some frequencies of one axis alone, -floor(size / 2) to ceil(size / 2) - 1. In place. */
function keepFrequencies(
  values: Float32Array,
  shape: Space['shape'],
  { axis, isKept }: { readonly axis: 0 | 1 | 2; readonly isKept: (frequency: number) => boolean },
): void {
  const size = shape[axis];
  const stride = shape.slice(0, axis).reduce((product, own) => product * own, 1);
  const transform = new LineTransform(size);
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const kept = Uint8Array.from({ length: size }, (_, at) => (isKept(at < size / 2 ? at : at - size) ? 1 : 0));
  for (let start = 0; start < values.length; start++) {
    if (Math.floor(start / stride) % size !== 0) continue;
    for (let at = 0; at < size; at++) re[at] = f32At(values, start + at * stride);
    im.fill(0);
    transform.forward(re, im);
    for (let at = 0; at < size; at++) if (kept[at] === 0) re[at] = im[at] = 0;
    transform.inverse(re, im);
    for (let at = 0; at < size; at++) values[start + at * stride] = f64At(re, at);
  }
}
