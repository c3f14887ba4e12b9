import { z } from 'zod';
import { prettyJson } from '../kernel/digest.ts';
import type { MetricReport } from '../telemetry/metrics.ts';
import type { RunEvent } from '../telemetry/run-events.ts';
import { copyFileAtomic, writeAtomic, writeFileAtomic } from '../workspace/files.ts';
import { RUN_FILES, type RunFolder } from '../workspace/run-folder.ts';
import { type ClosedRound, newHistory, type RunHistory, record } from './history.ts';
import type { RunCard } from './run-card.ts';
import type { RunFiles } from './run-files.ts';

const value = z.number().nullable();

/** One global model and how it did: model 0 is the initial one, model r the one aggregated in round r. */
const scoredModel = z.object({
  model: z.int(),
  pooled: value.describe('the key metric over all sites, from counts where there are counts'),
  sites: z.record(z.string(), value).describe('the key metric on each site of its own'),
  /** Longest task of the round, in seconds. */
  seconds: z.number(),
});

export const runStatusSchema = z.enum(['running', 'interrupted', 'failed', 'finished']);

/** What a run came to: the data of `simulate`'s JSON answer, and `metrics.json`. */
export const runSummarySchema = z.object({
  run_id: z.string(),
  job: z.string(),
  status: runStatusSchema,
  run_folder: z.string(),
  rounds: z.int(),
  sites: z.array(z.string()),
  metric: z.string(),
  models: z.array(scoredModel),
  final: z
    .object({ model: z.int(), value, file: z.string(), metrics: z.record(z.string(), z.unknown()) })
    .nullable(),
  best: z.object({ model: z.int(), value: z.number(), file: z.string() }).nullable(),
  engines: z.record(
    z.string(),
    z.object({ name: z.string(), device: z.string(), library: z.string(), detail: z.string() }),
  ),
  failures: z.array(z.object({ site: z.string(), round: z.int(), code: z.string(), message: z.string() })),
  warnings: z.array(z.string()),
});

export type RunSummary = z.output<typeof runSummarySchema>;

/** A run and its log. */
export interface RunRecord {
  readonly card: RunCard;
  readonly history: RunHistory;
  readonly folder: RunFolder;
  readonly events: AsyncIterable<RunEvent>;
}

export async function summarizeRun(
  { card, history, folder, events }: RunRecord,
  warnings: readonly string[] = [],
): Promise<RunSummary> {
  const metric = card.job.workflow.key_metric;
  const { final, last } = history;
  const best = final?.best;
  const models: RunSummary['models'] = [];
  for await (const round of closedRounds(events, history)) models.push(scored(round, metric));
  return {
    run_id: card.run_id,
    job: card.job.name,
    status: history.status,
    run_folder: folder.root,
    rounds: history.position?.round ?? 0,
    sites: [...card.sites],
    metric,
    models,
    final: final
      ? {
          model: history.position?.round ?? 0,
          value: numberOf(last?.metrics, metric),
          file: folder.at(RUN_FILES.final),
          metrics: { ...last?.metrics },
        }
      : null,
    best: best ? { model: best.round, value: best.value, file: folder.at(RUN_FILES.best) } : null,
    engines: Object.fromEntries(history.engines),
    failures: history.failures.map(({ site, round, error }) => ({
      site,
      round,
      code: error.code,
      message: error.message,
    })),
    warnings: [...card.warnings, ...warnings, ...withoutValue(history, models)],
  };
}

/** A dash in every row of the table needs a word. */
function withoutValue({ final, goal }: RunHistory, models: RunSummary['models']): string[] {
  if (!final || models.some(({ pooled }) => pooled !== null)) return [];
  return [
    `${goal.keyMetric} is undefined for every model, so none of them is the best: look at the validation images`,
  ];
}

/** Puts the figures of a run, and the models of a finished one, where their reader looks for them. */
export async function writeResults(
  { folder, history, events, files }: RunRecord & { files: RunFiles },
  summary: RunSummary,
): Promise<void> {
  const { final } = history;
  if (final) await copyFileAtomic(files.at(final.model), folder.at(RUN_FILES.final));
  if (final?.best) await copyFileAtomic(files.at(final.best.model), folder.at(RUN_FILES.best));
  await writeFileAtomic(folder.at(RUN_FILES.metrics), prettyJson(summary));
  await writeAtomic(folder.at(RUN_FILES.roundMetrics), async (file) => {
    for await (const round of closedRounds(events, history)) await file.appendFile(roundLine(round));
  });
}

/** The closed rounds of a log, one at a time. */
async function* closedRounds(
  events: AsyncIterable<RunEvent>,
  { goal }: RunHistory,
): AsyncGenerator<ClosedRound> {
  let history = newHistory(goal);
  for await (const event of events) {
    history = record(history, event);
    if (event.type === 'round.closed' && history.last) yield history.last;
  }
}

/** One line a scored model: pooled figures, and each site's, as the log has them. */
function roundLine({ round, kind: task, metrics, results }: ClosedRound): string {
  const sites = results.map(({ site, metrics: own, numExamples }) => [
    site,
    { num_examples: numExamples, metrics: own },
  ]);
  return `${JSON.stringify({ model: round - 1, task, metrics, sites: Object.fromEntries(sites) })}\n`;
}

function scored({ round, metrics, results }: ClosedRound, metric: string): RunSummary['models'][number] {
  return {
    model: round - 1,
    pooled: numberOf(metrics, metric),
    sites: Object.fromEntries(results.map(({ site, metrics: own }) => [site, numberOf(own, metric)])),
    seconds: Math.max(0, ...results.map(({ seconds }) => seconds)),
  };
}

function numberOf(metrics: MetricReport | undefined, name: string): number | null {
  const found = metrics?.[name];
  return typeof found === 'number' ? found : null;
}
