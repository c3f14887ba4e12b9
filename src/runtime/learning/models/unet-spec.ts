import { z } from 'zod';

/** Side of a patch: one for all axes, or one for each. */
const side = z.int().min(4).max(1024);

const unetObject = z.strictObject({
  type: z.literal('unet').describe('U-Net of residual blocks for segmentation, of slices or volumes.'),
  dimensions: z
    .union([z.literal(2), z.literal(3)])
    .default(3)
    .describe('3: patches of the volume; 2: patches of its axial slices; default 3.'),
  patch_size: z
    .union([side, z.array(side).min(2).max(3)])
    .describe(
      'What the network sees at a time, in voxels: one number, or one for each axis (right, anterior, superior); divisible by 2 to the power of levels - 1.',
    ),
  levels: z.int().min(2).max(6).default(4).describe('Resolutions, each half the one before; default 4.'),
  width: z
    .int()
    .min(8)
    .max(128)
    .multipleOf(8)
    .default(16)
    .describe('Filters of the first level, twice as many on each further one up to 320; default 16.'),
  labels: z
    .array(z.string().min(1))
    .min(1)
    .max(254)
    .refine((names) => new Set(names).size === names.length, 'names a label twice')
    .default(['lesion'])
    .describe('Names in the order of the outputs, as data.masks.labels has them; default [lesion].'),
  channels: z
    .int()
    .min(1)
    .max(16)
    .default(1)
    .describe('Images that make one example, as data.selection.channels names them; default 1.'),
  deep_supervision: z
    .boolean()
    .default(true)
    .describe('Whether the coarser levels of the way back are trained to the masks, too; default true.'),
  dropout: z.number().min(0).max(0.9).default(0).describe('Rate at the coarsest level; default 0, none.'),
  seed: z.int().min(0).optional().describe('Seed of the first values; default 0. A job uses its own seed.'),
});

/** `model: {type: unet, …}` of a job, as written in YAML. */
export const unetSpecSchema = unetObject.superRefine((spec, context) => {
  const { patch_size: patch, dimensions, levels } = spec;
  const fault = (message: string) => context.addIssue({ code: 'custom', path: ['patch_size'], message });
  if (Array.isArray(patch) && patch.length !== dimensions)
    return fault(`has ${patch.length} sides for ${dimensions} dimensions`);
  const factor = 2 ** (levels - 1);
  const odd = [patch].flat().find((size) => size % factor !== 0);
  if (odd !== undefined)
    fault(
      `has a side of ${odd}, which ${levels} levels cannot halve: it must be a multiple of ${factor}, for example ${Math.ceil(odd / factor) * factor}`,
    );
});

export const UNET_KEYS = Object.keys(unetObject.shape);

export type UnetSpec = z.infer<typeof unetSpecSchema>;

/** Sides of a patch in voxels along right, anterior, superior; a patch of a slice is one voxel thick. */
export type PatchSize = readonly [number, number, number];

export function patchSize({
  patch_size: size,
  dimensions,
}: Pick<UnetSpec, 'patch_size' | 'dimensions'>): PatchSize {
  const [x = 1, y = x, z = x] = [size].flat();
  return [x, y, dimensions === 3 ? z : 1];
}

/** Sides of the network's input: those of a patch from the slowest axis to the fastest, without that of a slice's thickness. */
export function inputSides(patch: PatchSize, dimensions: 2 | 3): number[] {
  return patch.slice(0, dimensions).reverse();
}
