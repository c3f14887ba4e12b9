import { z } from 'zod';
import { HARMONY_RULES } from '../../learning/dataset/harmony-rules.ts';
import { maskPredictionSchema } from '../segmentation/mask-prediction.ts';

const prediction = {
  predicted: z.string(),
  probability: z.number().describe('of the predicted class'),
  probabilities: z.record(z.string(), z.number()),
};

/** What `predict` says of images by a model that tells classes. */
export const classPredictionSchema = z.object({
  task: z.literal('classification'),
  notice: z.string(),
  model: z.object({ file: z.string(), sha256: z.string() }),
  temperature: z.number().nullable().describe('null: the probabilities are not calibrated'),
  head_mask: z.boolean().describe('whether pictures were cropped to the head, as the training images were'),
  harmonisation: z
    .object({
      site: z.string().nullable().describe('whose effects were taken out; null: none was named'),
      rule: z.enum(HARMONY_RULES),
      note: z.string().nullable(),
    })
    .nullable()
    .default(null)
    .describe('what was done with the pictures, as in training; null where nothing was'),
  folder: z.string().nullable(),
  images: z.array(
    z.object({
      subject: z.string(),
      source: z.string(),
      ...prediction,
      heat_by_slice: z
        .array(z.number())
        .nullable()
        .describe('of a volume: share of the heat in each slice shown, from below'),
      overlay: z.string().nullable(),
      unlike: z
        .object({
          distance: z.number().describe('from the training images of the nearest site'),
          is_unlike: z.boolean().describe('the distance is over the threshold'),
        })
        .nullable()
        .describe('whether the image is unlike those of training; null: not known'),
    }),
  ),
  likeness: z
    .object({
      threshold: z.number().nullable(),
      false_alarms: z
        .number()
        .nullable()
        .describe('share of images like those of training that lie beyond it, at most'),
      held_out: z.int().describe('images that the threshold is from'),
      not_known: z
        .string()
        .nullable()
        .describe('why it is not known which images are unlike those of training'),
    })
    .describe('how images that are unlike those of training are told'),
  left_out: z
    .array(z.object({ subject: z.string(), reason: z.string() }))
    .describe('subjects of a data set that have nothing to predict'),
  subjects: z.array(z.object({ subject: z.string(), images: z.int(), ...prediction })),
});
export type ClassPrediction = z.output<typeof classPredictionSchema>;

/** The result of `predict`, and `predictions.json`. */
export const predictResultSchema = z.discriminatedUnion('task', [
  classPredictionSchema,
  maskPredictionSchema,
]);
export type PredictResult = z.output<typeof predictResultSchema>;
