import { z } from 'zod';
import { flError } from '../base/errors/errors.ts';
import { readInputText } from '../base/files/read-file.ts';
import { parseJson } from '../base/parse-json.ts';
import { estimateSchema } from '../evaluation/result-parts.ts';
import { workSchema } from '../run/work-done.ts';
import { judgedCellSchema } from './judged-cell.ts';
import { partitionResultSchema, unlikeSitesSchema } from './partitions.ts';

const count = z.int().nonnegative();

/** One run that is over, or that failed. */
export const cellResultSchema = z.object({
  job: z.string().describe('its name, and that of the folder of its runs'),
  partition: z.string().nullable(),
  variant: z.string(),
  values: z.record(z.string(), z.json()),
  seed: count,
  digest: z.string().describe('of all that decides what it comes to'),
  run_folder: z.string().nullable(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  sites: count,
  rounds: count,
  metric: z.string(),
  curve: z.array(z.number().nullable()).describe('the key metric over all sites by model, from model 0 on'),
  round_seconds: z
    .array(z.number())
    .default([])
    .describe('of each round, as long as its longest task; none in files of older versions'),
  best: z.number().nullable().describe('its best value on validation images, which chose the model'),
  seconds: z.number().describe('of the rounds, each as long as its longest task'),
  memory: count
    .nullable()
    .default(null)
    .describe('most bytes of the process while it ran, in equal shares to the runs at that time'),
  bytes: count.describe('of the models that a federation would carry, to the sites and back'),
  work: workSchema
    .default({ images_seen: null, steps: null })
    .describe('of training at all sites in all rounds, as the scripts tell it'),
  unlike: unlikeSitesSchema
    .nullable()
    .default(null)
    .describe('how unlike its sites are; null without a split'),
  ...judgedCellSchema,
});
export type CellResult = z.output<typeof cellResultSchema>;

/** What an experiment came to so far: `experiment.json` in its folder. */
export const experimentFileSchema = z.object({
  version: z.literal(1),
  kind: z.literal('neuroflare-experiment'),
  name: z.string(),
  cells: z.array(cellResultSchema),
});
export type ExperimentFile = z.output<typeof experimentFileSchema>;

/** One line of the table: runs that differ in their seed alone. */
export const rowResultSchema = z.object({
  partition: z.string().nullable(),
  variant: z.string(),
  values: z.record(z.string(), z.json()),
  runs: count.describe('that are over'),
  planned: count,
  failed: count,
  metric: z.string().describe('balanced_accuracy on test images, or else the key metric of the job'),
  mean: z.number().nullable().describe('over its runs'),
  lowest: z.number().nullable(),
  highest: z.number().nullable(),
  pooled: estimateSchema.nullable().describe('over the test images of all its runs'),
  lead: estimateSchema
    .nullable()
    .describe('over the first variant, on the same test images of the same seeds, by groups'),
  worst_site: z.number().nullable().describe('mean over its runs'),
  baselines: z.record(z.string(), z.number().nullable()).describe('balanced accuracy, mean over its runs'),
  baseline_work: z
    .record(z.string(), workSchema)
    .describe('what the training of each took, all its models of a run together, mean'),
  work: workSchema.describe('of a run, mean'),
  against: z
    .object({
      lead_over_control: estimateSchema.describe('over the strongest control'),
      lead_over_pooled: estimateSchema
        .nullable()
        .describe('over the baseline of all images together, over the test images of all runs, by groups'),
      lowest_recall: z
        .object({ class: z.string(), recall: estimateSchema })
        .nullable()
        .describe('over the test images of all runs'),
      calibration_error: estimateSchema,
      kept: z
        .number()
        .nullable()
        .describe('accuracy of the models that the sites end with, over all their images'),
      judged_sites: count.describe('sites of all runs that have a local model to be held against'),
      worse_than_local: count.describe(
        'those whose own local model is right on more test images than what they end with',
      ),
    })
    .nullable()
    .describe(
      'what a study is held against; means over the runs where nothing else is said; null where they were not judged',
    ),
  seconds: z.number().nullable().describe('of a run, mean'),
  bytes: z.number().nullable().describe('of a run, mean'),
});
export type RowResult = z.output<typeof rowResultSchema>;

export const experimentResultSchema = z.object({
  name: z.string(),
  folder: z.string(),
  planned: count,
  over: count,
  failed: count,
  first: z.string().describe('the variant that the others are held against'),
  baseline_recipe: z.enum(['own', 'first']).describe('whose recipe trained the baselines'),
  rows: z.array(rowResultSchema),
  partitions: z.array(partitionResultSchema).describe('how unlike the sites are'),
  failures: z.array(z.object({ job: z.string(), code: z.string(), message: z.string() })),
});
export type ExperimentResult = z.output<typeof experimentResultSchema>;

export const EXPERIMENT_FILE = 'experiment.json';

/** Undefined where nothing was run yet. @throws NF_EXPERIMENT_FILE */
export async function readExperimentFile(path: string): Promise<ExperimentFile | undefined> {
  const text = await readInputText(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = experimentFileSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw flError('NF_EXPERIMENT_FILE', { path }, { place: { file: path } });
}
