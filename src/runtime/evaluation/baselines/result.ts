import { z } from 'zod';
import { readInputText } from '../../base/files/read-file.ts';
import { sum } from '../../base/sum.ts';
import { runSummarySchema } from '../../run/run-report.ts';
import { type Work, workSchema } from '../../run/work-done.ts';
import { HEADLINE_FIGURES, pairedSchema } from '../result.ts';
import { estimateSchema } from '../result-parts.ts';

/** Models that a federated one is compared with. */
export const BASELINES = ['local', 'centralized', 'leave-one-out'] as const;
export type Baseline = (typeof BASELINES)[number];

/** What each baseline is, for readers. */
export const BASELINE_MEANING: Readonly<Record<Baseline, string>> = {
  local: "each site's model of its own images alone, on its own test images",
  centralized: 'one model of the images of all sites together',
  'leave-one-out': "a federated model that never saw a site, on that site's test images",
};

/** `baselines.json` in the folder of the federated run. */
export const baselinesSchema = z.object({
  version: z.literal(1),
  kind: z.literal('neuroflare-baselines'),
  budget: z
    .string()
    .describe(
      'what every model was given: by default the same script, rounds and arguments, so that each image is seen as often',
    ),
  recipe: z
    .string()
    .nullable()
    .default(null)
    .describe('folder of another run whose recipe trained the baselines; null: the recipe of this one'),
  metric: z.enum(HEADLINE_FIGURES).describe('what models are compared by'),
  federated: z.object({ run_folder: z.string(), figure: estimateSchema }),
  baselines: z.array(
    z.object({
      baseline: z.enum(BASELINES),
      meaning: z.string(),
      run_folders: z.record(z.string(), z.string()).describe('by site, or `all`'),
      work: workSchema
        .default({ images_seen: null, steps: null })
        .describe('of training, all its models together, as the script tells it'),
      comparison: pairedSchema.describe('own: the federated model; other: the baseline'),
      sites: z.record(z.string(), pairedSchema).describe("the same on each site's own test subjects"),
    }),
  ),
});
export type Baselines = z.output<typeof baselinesSchema>;

/** The result of `simulate`. */
export const simulationResultSchema = runSummarySchema.extend({
  baselines: baselinesSchema.nullable().describe('with --baselines: what the model is held against'),
});
export type SimulationResult = z.output<typeof simulationResultSchema>;

/** Null where one of them does not tell it. */
export function sumWork(all: readonly Work[]): Work {
  const of = (figure: keyof Work) => {
    const told = all.flatMap((work) => work[figure] ?? []);
    return told.length === all.length ? sum(told) : null;
  };
  return { images_seen: of('images_seen'), steps: of('steps') };
}

export const BASELINES_FILE = 'baselines.json';

/** Undefined where no baselines were run. */
export async function readBaselines(path: string): Promise<Baselines | undefined> {
  const text = await readInputText(path).catch(() => undefined);
  return text === undefined ? undefined : baselinesSchema.parse(oldOrNew(JSON.parse(text)));
}

/** Before there was more than classes, the figure went by the name of theirs. */
const oldSchema = z.looseObject({
  federated: z.object({ run_folder: z.string(), balanced_accuracy: estimateSchema }),
});

function oldOrNew(found: unknown): unknown {
  const old = oldSchema.safeParse(found);
  if (!old.success) return found;
  const { run_folder, balanced_accuracy: figure } = old.data.federated;
  return { ...old.data, metric: 'balanced_accuracy', federated: { run_folder, figure } };
}
