import { z } from 'zod';
import { prettyJson } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import { writeFileAtomic } from '../base/files/files.ts';
import { readInputText } from '../base/files/read-file.ts';
import { ENGINE_CHOICES } from '../job/engine-choice.ts';
import { goalByName } from '../job/key-metric.ts';
import { jobFileSchema } from '../job/schema.ts';
import type { Goal } from './best-model.ts';
import { RUN_FILES, type RunFolder } from './run-folder.ts';

/** `run.json`: what a run was started with. A resume goes by it, and changes its limits of time alone. */
export const runCardSchema = z.strictObject({
  version: z.literal(1),
  run_id: z.string(),
  created: z.iso.datetime(),
  /** Folder the job was read from. */
  job_folder: z.string(),
  /** Digest of every file that runs; the files themselves are in `bundle/`. */
  bundle_sha256: z.string(),
  /** The job with overrides and defaults. */
  job: jobFileSchema,
  sites: z.array(z.string()).min(1),
  min_clients: z.int().min(1),
  /** `--engine`; what it came to is in the log. */
  engine: z.enum(ENGINE_CHOICES),
  data: z
    .strictObject({ root: z.string(), split: z.string().nullable(), split_sha256: z.string().nullable() })
    .nullable(),
  software: z.record(z.string(), z.string()),
  /** Known before the start, e.g. that a site has no image of a class. */
  warnings: z.array(z.string()),
  /** The finished run that this one goes on from, after its last round of training. */
  parent: z.strictObject({ run_id: z.string(), round: z.int() }).optional(),
  /** A job of a server that ended without success and went on: when, who signed it anew, and the rounds it had. */
  resumed: z
    .array(
      z.strictObject({
        time: z.iso.datetime(),
        by: z.string(),
        round: z.int(),
        ended_by: z.string().nullable(),
      }),
    )
    .optional(),
});

export type RunCard = z.output<typeof runCardSchema>;

export function goalOf({ job: { workflow } }: RunCard): Goal {
  return {
    keyMetric: workflow.key_metric,
    keyMetricGoal: workflow.key_metric_goal ?? goalByName(workflow.key_metric),
    clientsPerRound: workflow.clients_per_round,
    maxWeightRatio: workflow.max_weight_ratio,
  };
}

export async function writeRunCard(folder: RunFolder, card: RunCard): Promise<void> {
  await writeFileAtomic(folder.at(RUN_FILES.card), prettyJson(card));
}

export async function readRunCard(folder: RunFolder): Promise<RunCard> {
  const path = folder.at(RUN_FILES.card);
  try {
    return runCardSchema.parse(JSON.parse(await readInputText(path)));
  } catch (error) {
    throw flError(
      'NF_RUN_FILE',
      { path, reason: 'it cannot be read' },
      { place: { file: path }, cause: error },
    );
  }
}
