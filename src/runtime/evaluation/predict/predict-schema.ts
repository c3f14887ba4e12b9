import { z } from 'zod';

const prediction = {
  predicted: z.string(),
  probability: z.number().describe('of the predicted class'),
  probabilities: z.record(z.string(), z.number()),
};

/** The result of `predict`, and `predictions.json`. */
export const predictResultSchema = z.object({
  notice: z.string(),
  model: z.object({ file: z.string(), sha256: z.string() }),
  temperature: z.number().nullable().describe('null: the probabilities are not calibrated'),
  head_mask: z.boolean().describe('whether pictures were cropped to the head, as the training images were'),
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
    }),
  ),
  left_out: z
    .array(z.object({ subject: z.string(), reason: z.string() }))
    .describe('subjects of a data set that have nothing to predict'),
  subjects: z.array(z.object({ subject: z.string(), images: z.int(), ...prediction })),
});
export type PredictResult = z.output<typeof predictResultSchema>;

export const NOTICE =
  'For research only; not a medical device. A probability says how sure the model is, not how likely the diagnosis is in a patient.';
