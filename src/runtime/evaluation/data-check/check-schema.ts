import { z } from 'zod';
import { findingSchema } from '../../../preprocess/check/finding.ts';
import { heterogeneitySchema } from '../../../preprocess/split/heterogeneity.ts';
import { estimateSchema } from '../result-parts.ts';

const figure = z.number().nullable();

/** The result of `preprocess check`. */
export const checkResultSchema = z.object({
  target: z.string(),
  kind: z.enum(['bids', 'class_folders']),
  images: z.int(),
  classes: z.record(z.string(), z.record(z.string(), z.int())).describe('images by site and class'),
  counts: z.object({ error: z.int(), warning: z.int(), note: z.int() }),
  findings: z.array(findingSchema).describe('errors first'),
  chance: figure,
  controls: z
    .array(z.object({ name: z.string(), sees: z.string(), balanced_accuracy: estimateSchema }))
    .nullable()
    .describe('balanced accuracy over five grouped folds'),
  heterogeneity: heterogeneitySchema.nullable().describe('how unlike the sites are; null for class folders'),
  contrasts: z
    .array(z.object({ site: z.string(), quality: z.string(), distance: z.number(), bound: z.number() }))
    .describe('Kolmogorov-Smirnov distance of each site from the others'),
  links: z
    .object({ path: z.string(), pairs: z.int() })
    .nullable()
    .describe('the table of pairs that should stay together, for `preprocess split --links`'),
  sheet: z
    .object({
      path: z.string(),
      rows: z.array(z.object({ class: z.string(), participants: z.array(z.string()) })),
    })
    .nullable(),
});
export type CheckResult = z.output<typeof checkResultSchema>;
