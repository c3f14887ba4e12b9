import { z } from 'zod';
import { commonKeys, count, dataKeys, estimateSchema, modelKeys, verdictSchema } from '../result-parts.ts';

const volume = z.number().describe('ml');

/** What `evaluate` found about a model that labels voxels. */
export const maskEvaluationSchema = z.object({
  ...commonKeys,
  task: z.literal('segmentation'),
  model: z.object({
    ...modelKeys,
    dimensions: z.int(),
    patch: z.array(z.int()).describe('voxels to the right, anterior, superior'),
  }),
  data: z.object({
    ...dataKeys,
    volumes: count,
    per_site: z.record(z.string(), z.object({ volumes: count, with_a_label: count })),
  }),
  labels: z.array(z.string()),
  rules: z
    .object({ dilation: count, least_mm3: z.number(), penalty_mm: z.number() })
    .describe(
      'lesions that touch once grown by `dilation` voxels are one, those up to `least_mm3` do not count, and HD95 is `penalty_mm` where one of two masks is empty (BraTS 2023)',
    ),
  headline: z.object({
    dice: estimateSchema,
    strongest_control: z.object({ name: z.string(), dice: estimateSchema, lead: estimateSchema }).nullable(),
    verdict: verdictSchema,
    sentence: z.string(),
  }),
  figures: z
    .record(z.string(), estimateSchema)
    .describe(
      'dice: mean over volumes that show a label of the mean Dice of the labels they show; specificity: share of the volumes without any label in which none is found; nll: mean cross entropy of a voxel',
    ),
  undefined_because: z.record(z.string(), z.string()),
  per_label: z.array(
    z.object({
      label: z.string(),
      volumes: count.describe('that show it'),
      lesions: count.describe('in their masks'),
      figures: z
        .record(z.string(), estimateSchema)
        .describe(
          'over the volumes that show the label; specificity over those that do not, and lesion_precision over all',
        ),
    }),
  ),
  per_site: z.array(
    z.object({
      site: z.string(),
      volumes: count,
      dice: estimateSchema,
      specificity: estimateSchema,
      undefined_because: z.string().nullable(),
    }),
  ),
  controls: z
    .array(z.object({ name: z.string(), sees: z.string(), dice: estimateSchema, lead: estimateSchema }))
    .nullable(),
  worst_cases: z.array(
    z.object({
      id: z.string(),
      site: z.string(),
      image: z.string().describe('from the root of the data set'),
      dice: z.number().nullable().describe('null: its mask shows no label'),
      truth_ml: volume,
      predicted_ml: volume,
      overlay: z
        .string()
        .nullable()
        .describe('file beside evaluation.json: a slice, and beside it the outlines of mask and prediction'),
    }),
  ),
});
export type MaskEvaluation = z.output<typeof maskEvaluationSchema>;
