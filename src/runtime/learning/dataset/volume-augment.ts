import type { Random } from '../../base/random.ts';
import { checkKeys, checkNumber, optionError } from '../check-option.ts';
import { addNoise, bendGreys, shadeUnevenly } from './augment-greys.ts';
import { blurByMotion, drawPose, type Pose, ringAsGibbs } from './augment-k-space.ts';
import { drawElastic, drawWarp, type Space, sourcesOf, warpChannel, warpLabels } from './augment-space.ts';
import { spread } from './spread.ts';
import type { AugmentPatch, VolumePatch } from './volume-patch.ts';

/** How far patches of volumes are changed for training; every amount is drawn evenly up to the given one. */
export interface VolumeAugmentOptions {
  /** Left and right are exchanged in half of the patches. */
  readonly flip: boolean;
  /** Degrees, about each axis. */
  readonly rotate: number;
  /** Share of the size: 0.1 is 0.9 to 1.1 times. */
  readonly scale: number;
  /** Share of the side. */
  readonly shift: number;
  /** Most that a control point of the smooth deformation is moved along each axis, in voxels. */
  readonly elastic: number;
  /** Exponent of the grey values in powers of e: 0.2 is 0.82 to 1.22. */
  readonly gamma: number;
  /** Coefficients of the polynomial whose power of e the brightness is multiplied by. */
  readonly bias: number;
  /** Standard deviation of normal noise, in the unit of the voxels. */
  readonly noise: number;
  /** Share of the frequencies of each axis, from the highest down, that is cut. Below 1. */
  readonly gibbs: number;
  /** Degrees about each axis, and voxels along it, that a head moves while it is scanned. */
  readonly motion: number;
  /** With which chance each of elastic, gamma, bias, noise, gibbs and motion takes place. */
  readonly chance: number;
}

/** What changes the greys of one channel. */
export type GreyAmounts = Pick<
  VolumeAugmentOptions,
  'gamma' | 'bias' | 'noise' | 'gibbs' | 'motion' | 'chance'
>;

/** Named amounts: what positioning varies by and no more; and about what nnU-Net and TorchIO take. */
export const VOLUME_AUGMENTS = {
  mild: {
    flip: true,
    rotate: 5,
    scale: 0.05,
    shift: 0.03,
    elastic: 0,
    gamma: 0.1,
    bias: 0,
    noise: 0,
    gibbs: 0,
    motion: 0,
    chance: 1,
  },
  strong: {
    flip: true,
    rotate: 15,
    scale: 0.2,
    shift: 0.05,
    elastic: 3,
    gamma: 0.3,
    bias: 0.3,
    noise: 0.1,
    gibbs: 0.4,
    motion: 2,
    chance: 0.3,
  },
} as const satisfies Record<string, VolumeAugmentOptions>;

export type VolumeAugmentName = keyof typeof VOLUME_AUGMENTS;

/**
 * Changes patches for training, in place: image and mask alike in space (the mask by its nearest voxel), each channel by itself in its greys.
 * @param wish a name of amounts, or some amounts over the mild ones
 * @throws NF_TRAIN_OPTION naming the option, its value and what it must be
 */
export function augmentVolumes(wish: unknown): AugmentPatch {
  const options = optionsOf(wish);
  return (patch, random) => {
    changeSpace(patch, options, random);
    for (const channel of patch.channels) changeGreys(channel, patch.shape, { options, random });
  };
}

function optionsOf(wish: unknown): VolumeAugmentOptions {
  if (wish === 'mild' || wish === 'strong') return VOLUME_AUGMENTS[wish];
  if (typeof wish === 'object' && wish !== null && !Array.isArray(wish))
    return checkAmounts(wish, VOLUME_AUGMENTS.mild);
  const names = Object.keys(VOLUME_AUGMENTS).join(', ');
  throw optionError('augment', wish, `one of ${names}, or amounts such as {rotate: 10}`);
}

/** What an amount must stay below; the others have no bound. */
const BELOW = new Map([
  ['scale', 1],
  ['shift', 1],
  ['gibbs', 1],
]);

/**
 * Some amounts over others.
 * @throws NF_TRAIN_OPTION naming the option, its value and what it must be
 */
export function checkAmounts<Amounts extends { readonly flip: boolean }>(
  wish: object,
  usual: Amounts,
): Amounts {
  checkKeys(wish, Object.keys(usual));
  for (const [name, value] of Object.entries(wish)) {
    if (name === 'flip' && value !== undefined && typeof value !== 'boolean')
      throw optionError('augment.flip', value, 'true or false');
    if (name === 'chance' && typeof value === 'number' && value > 1)
      throw optionError('augment.chance', value, 'a number from 0 to 1');
    const below = BELOW.get(name);
    if (name !== 'flip')
      checkNumber(`augment.${name}`, value, { least: 0, ...(below !== undefined && { below }) });
  }
  const given = Object.entries(wish).filter(([, value]) => value !== undefined);
  return { ...usual, ...Object.fromEntries(given) };
}

function changeSpace(patch: VolumePatch, options: VolumeAugmentOptions, random: Random): void {
  const { shape, channels, labels } = patch;
  const affine = drawWarp(shape, options, random);
  const isBent = random.next() < options.chance && options.elastic > 0;
  const elastic = isBent ? drawElastic(shape, options.elastic, random) : undefined;
  if (!affine && !elastic) return;
  const sources = sourcesOf(shape, { affine, elastic });
  for (const channel of channels) warpChannel(channel, shape, sources);
  warpLabels(labels, shape, sources);
}

/** Motion and ringing come last but for the noise, as they do in a scanner. In place. */
export function changeGreys(
  values: Float32Array,
  shape: Space['shape'],
  { options, random }: { readonly options: GreyAmounts; readonly random: Random },
): void {
  const has = (amount: number) => amount > 0 && random.next() < options.chance;
  if (has(options.gamma)) bendGreys(values, Math.exp(spread(random, options.gamma)));
  if (has(options.bias)) shadeUnevenly(values, shape, () => spread(random, options.bias));
  if (has(options.motion)) {
    const poses: [Pose, Pose] = [drawPose(options.motion, random), drawPose(options.motion, random)];
    const axes = ([0, 1, 2] as const).filter((axis) => shape[axis] > 1);
    const axis = axes[random.int(axes.length)] ?? 0;
    blurByMotion(values, shape, { axis, poses, from: 0.5 * random.next(), to: 0.5 + 0.5 * random.next() });
  }
  if (has(options.gibbs)) ringAsGibbs(values, shape, options.gibbs * random.next());
  if (has(options.noise)) addNoise(values, options.noise * random.next(), random);
}
