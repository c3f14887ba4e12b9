import { z } from 'zod';
import { NOTICE } from '../predict/notice.ts';

/** What `predict` says of volumes by a model that labels voxels. */
export const maskPredictionSchema = z.object({
  task: z.literal('segmentation'),
  notice: z.literal(NOTICE),
  model: z.object({ file: z.string(), sha256: z.string() }),
  labels: z
    .array(z.object({ index: z.int(), name: z.string() }))
    .describe('what the values of the masks stand for; 0 is the background'),
  folder: z.string().nullable().describe('a BIDS derivative; null: nothing was written'),
  images: z.array(
    z.object({
      subject: z.string(),
      source: z.string(),
      shape: z.array(z.int()).describe('voxels, as the image and its mask have them'),
      voxel_mm: z.array(z.number()),
      volume_ml: z.record(z.string(), z.number()).describe('of each label'),
      parts: z.record(z.string(), z.int()).describe('of each label, that do not touch'),
      mask: z.string().nullable().describe('below the folder'),
    }),
  ),
  left_out: z
    .array(z.object({ subject: z.string(), reason: z.string() }))
    .describe('subjects of a data set that have nothing to predict'),
});
export type MaskPrediction = z.output<typeof maskPredictionSchema>;
