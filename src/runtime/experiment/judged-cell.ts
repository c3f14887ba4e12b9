import { join } from 'node:path';
import { z } from 'zod';
import type { Baselines } from '../evaluation/baselines/result.ts';
import type { ClassEvaluation } from '../evaluation/class-result.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, readClassEvaluation } from '../evaluation/result.ts';
import { estimateSchema } from '../evaluation/result-parts.ts';
import { workSchema } from '../run/work-done.ts';

const share = z.number().nullable();

/** Accuracy on the test images of one site. */
export const judgedSiteSchema = z.object({
  site: z.string(),
  subjects: z.int(),
  global: share.describe('of the global model'),
  kept: share.describe(
    'of the model that the site ends with: one of its own, where it has one, or the global one',
  ),
  local: share.describe(
    'of the baseline that the site has trained without the others; null where it was not asked for',
  ),
});
export type JudgedSite = z.output<typeof judgedSiteSchema>;

/** What a run came to on its test images. */
export const judgedCellSchema = {
  balanced_accuracy: estimateSchema.nullable().describe('on test images; null where it was not judged'),
  worst_site: z.number().nullable().describe('accuracy on test images at the site where it is lowest'),
  lead_over_control: estimateSchema.nullable().describe('over the strongest control'),
  calibration_error: estimateSchema
    .nullable()
    .default(null)
    .describe('expected calibration error, with the temperature where one was fitted'),
  judged_sites: z.array(judgedSiteSchema).default([]).describe('accuracy at each site'),
  baselines: z.record(z.string(), z.number().nullable()).describe('balanced accuracy of each'),
  baseline_work: z
    .record(z.string(), workSchema)
    .default({})
    .describe('what the training of each took, all its models together'),
  baseline_recipe: z
    .string()
    .nullable()
    .default(null)
    .describe('folder of another run whose recipe trained them; null: the recipe of this one'),
} as const;
export type JudgedCell = z.output<z.ZodObject<typeof judgedCellSchema>>;

export const NOT_JUDGED: JudgedCell = {
  balanced_accuracy: null,
  worst_site: null,
  lead_over_control: null,
  calibration_error: null,
  judged_sites: [],
  baselines: {},
  baseline_work: {},
  baseline_recipe: null,
};

/** The figures of an evaluation that an experiment keeps. @throws NF_PATH_MISSING, NF_EVALUATE_FILE of a local model's */
export async function judgedCell(
  evaluation: ClassEvaluation,
  compared: Baselines | undefined,
): Promise<JudgedCell> {
  const { figures, per_site: sites, headline } = evaluation;
  const accuracies = sites.flatMap(({ accuracy }) => accuracy.value ?? []);
  return {
    balanced_accuracy: figures.balanced_accuracy ?? null,
    worst_site: accuracies.length === 0 ? null : Math.min(...accuracies),
    lead_over_control: headline.strongest_control?.lead ?? null,
    calibration_error: figures['ece.calibrated'] ?? figures.ece ?? null,
    judged_sites: await judgedSites(evaluation, compared),
    baselines: Object.fromEntries(
      compared?.baselines.map(({ baseline, comparison }) => [baseline, comparison.other.value]) ?? [],
    ),
    baseline_work: Object.fromEntries(
      compared?.baselines.map(({ baseline, work }) => [baseline, work]) ?? [],
    ),
    baseline_recipe: compared?.recipe ?? null,
  };
}

async function judgedSites(
  { per_site: sites, own_models: own }: ClassEvaluation,
  compared: Baselines | undefined,
): Promise<JudgedSite[]> {
  const folders = compared?.baselines.find(({ baseline }) => baseline === 'local')?.run_folders ?? {};
  const judged: JudgedSite[] = [];
  for (const { site, subjects, accuracy } of sites) {
    const kept = own?.find((one) => one.site === site);
    const { value: global } = accuracy;
    const local = await localAccuracy(folders[site], site);
    judged.push({ site, subjects, global, kept: kept ? kept.accuracy.value : global, local });
  }
  return judged;
}

async function localAccuracy(folder: string | undefined, site: string): Promise<number | null> {
  if (folder === undefined) return null;
  const { per_site: sites } = await readClassEvaluation(join(folder, EVALUATION_FOLDER, EVALUATION_FILE));
  return sites.find((one) => one.site === site)?.accuracy.value ?? null;
}
