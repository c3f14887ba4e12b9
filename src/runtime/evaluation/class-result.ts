import { z } from 'zod';
import { METHODS } from '../algorithms/harmonisation/record.ts';
import {
  commonKeys,
  count,
  dataKeys,
  estimateSchema,
  figure,
  modelKeys,
  verdictSchema,
} from './result-parts.ts';

const beforeAndAfter = z.object({
  before: estimateSchema,
  after: estimateSchema,
  change: estimateSchema.describe('after minus before, on the same images'),
});

const bin = z.object({ count: z.number(), confidence: z.number(), accuracy: z.number() });

export const caseSchema = z.object({
  id: z.string(),
  site: z.string(),
  truth: z.string(),
  predicted: z.string(),
  probability: z.number().describe('of the predicted class, calibrated where a temperature was fitted'),
  loss: z.number(),
  overlay: z.string().nullable().describe('file beside evaluation.json: picture and heat map'),
});

const fairnessSchema = z.object({
  by: z.string().describe('site, or a column of participants.tsv'),
  least: count.describe('groups (people) below which a level has no figures'),
  levels: z.array(z.object({ level: z.string(), subjects: count.nullable(), accuracy: estimateSchema })),
  unknown: count.describe('subjects of no known level'),
  gap: z
    .object({
      best: z.string(),
      worst: z.string(),
      accuracy: estimateSchema.describe(
        'of the best minus of the worst; the interval is one of all pairs at once',
      ),
    })
    .nullable()
    .describe('null where fewer than two levels have figures'),
});
export type Fairness = z.output<typeof fairnessSchema>;

/** What `evaluate` found about a model that tells classes. */
export const classEvaluationSchema = z.object({
  ...commonKeys,
  task: z.literal('classification').default('classification'),
  model: z.object({
    ...modelKeys,
    image_size: z.int(),
    dimensions: z
      .union([z.literal(2), z.literal(3)])
      .default(2)
      .describe('2: of pictures; 3: of volumes, in a cube of image_size'),
  }),
  data: z.object({
    ...dataKeys,
    per_site: z.record(z.string(), z.record(z.string(), count)).describe('subjects by site and class'),
  }),
  classes: z.array(z.string()),
  chance: z.number(),
  headline: z.object({
    balanced_accuracy: estimateSchema,
    strongest_control: z
      .object({ name: z.string(), balanced_accuracy: estimateSchema, lead: estimateSchema })
      .nullable(),
    verdict: verdictSchema,
    sentence: z.string(),
  }),
  figures: z.record(z.string(), estimateSchema),
  undefined_because: z.record(z.string(), z.string()),
  confusion: z.array(z.array(count)).describe('truth by row, predicted by column'),
  per_class: z.array(
    z.object({ class: z.string(), subjects: count, recall: estimateSchema, auroc: estimateSchema }),
  ),
  per_site: z.array(
    z.object({
      site: z.string(),
      subjects: count,
      balanced_accuracy: estimateSchema,
      accuracy: estimateSchema,
      nll: figure,
      recall: z.record(z.string(), figure),
      recall_intervals: z.record(z.string(), estimateSchema).default({}),
      undefined_because: z.string().nullable(),
    }),
  ),
  own_models: z
    .array(
      z.object({
        site: z.string(),
        subjects: count,
        accuracy: estimateSchema,
        balanced_accuracy: estimateSchema,
        global_accuracy: estimateSchema.describe('of the model that is judged, on the same subjects'),
        lead: estimateSchema.describe('accuracy minus global_accuracy'),
      }),
    )
    .nullable()
    .default(null)
    .describe(
      'the model that each site ends with, on its own subjects; null where sites have none of their own',
    ),
  fairness: z
    .array(fairnessSchema)
    .default([])
    .describe('accuracy by site and by groups of people, and the gap between the best and the worst'),
  worst: z
    .object({ site: z.string().nullable(), class: z.string().nullable() })
    .describe('the site of the lowest accuracy, which every site has, and the class of the lowest recall'),
  tumour_or_none: z
    .object({
      with_tumour: count,
      found: count.describe('of those with a tumour, called one'),
      without_tumour: count,
      cleared: count.describe('of those without, called none'),
      called_tumour: count,
      called_none: count,
      sensitivity: estimateSchema,
      specificity: estimateSchema,
      positive_predictive_value: estimateSchema,
      negative_predictive_value: estimateSchema,
    })
    .nullable()
    .default(null)
    .describe('tumour of any type against none; null where the classes do not part the two'),
  tumour_types: z
    .object({
      classes: z.array(z.string()),
      subjects: count,
      balanced_accuracy: estimateSchema,
      controls: z.record(z.string(), estimateSchema),
    })
    .nullable()
    .describe('told apart among tumours alone, since images without one may come from another source'),
  calibration: z.object({
    temperature: z.number().nullable(),
    fitted_on: z.string().describe('what the temperature was fitted on, or why it was not'),
    bins: z.array(bin),
    bins_calibrated: z.array(bin).nullable(),
  }),
  controls: z
    .array(
      z.object({
        name: z.string(),
        sees: z.string(),
        balanced_accuracy: estimateSchema,
        lead: estimateSchema,
      }),
    )
    .nullable(),
  masked: z
    .record(z.string(), estimateSchema)
    .describe('balanced accuracy of the model on pictures with a part masked'),
  lesion_heat: z
    .object({
      subjects: count,
      inside: z.number().describe('share of the heat in or right beside the lesion, mean over subjects'),
      area: z
        .number()
        .describe('share of the head that this covers: what a map that knows nothing would reach'),
      hits: z.number().describe('share of subjects whose hottest place lies there'),
    })
    .nullable(),
  harmonisation: z
    .object({
      method: z.enum(METHODS),
      images: count.describe('of validation and test parts'),
      folds: count,
      repeats: count.describe('ways to make folds, over which figures are the mean'),
      views: z.array(
        z.object({
          view: z
            .enum(['greys', 'pixels'])
            .describe('what is looked at: landmarks of the tissue, or the picture at 48 x 48 pixels'),
          scanner: beforeAndAfter.describe('balanced accuracy of telling the site'),
          class: beforeAndAfter.describe('balanced accuracy of telling the class'),
        }),
      ),
      undefined_because: z.string().nullable(),
    })
    .nullable()
    .default(null)
    .describe('what a linear classifier tells before and after harmonisation; null where the job has none'),
  federated: z
    .object({
      left_out: z
        .array(z.object({ site: z.string(), reason: z.string() }))
        .describe('sites that told nothing'),
      withheld: z
        .array(z.object({ site: z.string(), classes: z.array(z.string()) }))
        .describe('classes of which a site has too few people to tell of'),
      without: z.array(z.string()).describe('what needs pictures, and is not there'),
    })
    .nullable()
    .default(null)
    .describe('of figures that are made of sums which sites told; null where the images lie here'),
  worst_cases: z.array(caseSchema),
});
export type ClassEvaluation = z.output<typeof classEvaluationSchema>;
