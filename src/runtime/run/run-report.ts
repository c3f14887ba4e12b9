import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { prettyJson } from '../base/digest.ts';
import { copyFileAtomic, writeAtomic, writeFileAtomic } from '../base/files/files.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { compareSites } from '../base/site-order.ts';
import { CrossSiteTable, crossSiteSchema } from './cross-site.ts';
import { type DataStatistics, dataStatisticsSchema, poolStatistics } from './data-statistics.ts';
import type { BestModel, FileRef, RunEvent } from './events.ts';
import { FederatedEvaluationTable, federatedEvaluationSchema } from './federated-evaluation.ts';
import { bestOf, type ClosedRound, newHistory, type RunHistory, record } from './history.ts';
import { type ImageProfile, profileOf } from './image-profile.ts';
import { OwnModelTable, ownModelsSchema } from './own-models.ts';
import type { RunCard } from './run-card.ts';
import type { RunFiles } from './run-files.ts';
import { RUN_FILES, type RunFolder } from './run-folder.ts';
import { promiseOf, runPrivacySchema } from './run-privacy.ts';
import { WorkTable, workSchema } from './work-done.ts';

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
  parent: z
    .object({ run_id: z.string(), round: z.int() })
    .optional()
    .describe('the finished run that this one goes on from, after that round'),
  rounds: z.int(),
  sites: z.array(z.string()),
  metric: z.string(),
  models: z.array(scoredModel),
  final: z
    .object({ model: z.int(), value, file: z.string(), metrics: z.record(z.string(), z.unknown()) })
    .nullable()
    .describe('the last model; of a run that failed the one it had'),
  best: z.object({ model: z.int(), value: z.number(), file: z.string() }).nullable(),
  cross_site_evaluation: crossSiteSchema
    .optional()
    .describe('the last models by the sites that scored them (workflow.cross_site_evaluation)'),
  own_models: ownModelsSchema
    .optional()
    .describe(
      'what each site ends with, where sites train models of their own (workflow.personalize_rounds)',
    ),
  data_statistics: dataStatisticsSchema
    .optional()
    .describe('what the data of all sites are like (workflow statistics)'),
  privacy: runPrivacySchema.optional().describe('what it promises to the people in its data'),
  federated_evaluation: federatedEvaluationSchema
    .optional()
    .describe(
      'sums of each site that judged the model on its own test images (workflow evaluation, workflow.final_evaluation)',
    ),
  work: workSchema.describe('what training took, at all sites in all rounds'),
  engines: z.record(
    z.string(),
    z.object({ name: z.string(), device: z.string(), library: z.string(), detail: z.string() }),
  ),
  failures: z.array(
    z.object({
      site: z.string(),
      round: z.int(),
      stage: z.literal('final scoring').optional(),
      code: z.string(),
      message: z.string(),
    }),
  ),
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
  const models: RunSummary['models'] = [];
  const notes = new Set<string>();
  const crossSite = new CrossSiteTable();
  const ownModels = new OwnModelTable(history.goal);
  const judged = new FederatedEvaluationTable();
  const work = new WorkTable();
  let statistics: DataStatistics | undefined;
  for await (const round of closedRounds(seenBy([crossSite, ownModels, judged], events), history)) {
    models.push(scored(round, metric));
    work.add(round);
    statistics = poolStatistics(round.results) ?? statistics;
    for (const note of round.notes) notes.add(note);
  }
  const numRounds = card.job.workflow.num_rounds;
  const promise = promiseOf(card.job);
  const { final, best } = resultOf(history, numRounds);
  const crossSiteResult = crossSite.result();
  const ownResult = ownModels.result();
  const judgedResult = judged.result();
  return {
    run_id: card.run_id,
    job: card.job.name,
    status: history.status,
    run_folder: folder.root,
    ...(card.parent && { parent: card.parent }),
    rounds: history.position?.round ?? 0,
    sites: [...card.sites],
    metric,
    models,
    final: final ? { ...finalFigures(history, metric), file: folder.at(final.name) } : null,
    best: best ? { model: best.round, value: best.value, file: folder.at(RUN_FILES.best) } : null,
    ...(crossSiteResult && { cross_site_evaluation: crossSiteResult }),
    ...(ownResult && { own_models: ownResult }),
    ...(statistics && { data_statistics: statistics }),
    ...(promise && { privacy: promise }),
    ...(judgedResult && { federated_evaluation: judgedResult }),
    work: work.result(),
    engines: Object.fromEntries(history.engines),
    failures: history.failures.map(({ site, round, error }) => ({
      site,
      round,
      ...(round > numRounds && { stage: 'final scoring' as const }),
      code: error.code,
      message: error.message,
    })),
    warnings: [
      ...card.warnings,
      ...warnings,
      ...notes,
      ...scoredByFewer(card, { models, best }),
      ...(card.job.privacy?.metrics === 'none' ? [FIGURES_STAY] : withoutValue(history, { card, models })),
    ],
  };
}

interface RunResult {
  /** The last model, under the name at which it is found. */
  readonly final: { readonly name: string; readonly model: FileRef } | undefined;
  readonly best: BestModel | undefined;
}

/** The models of a run that is over: also of one that failed, whatever failed. A run that goes on has none yet. */
function resultOf(history: RunHistory, numRounds: number): RunResult {
  const { final, position, status } = history;
  if (final) return { final: { name: RUN_FILES.final, model: final.model }, best: final.best };
  if (!position || position.round === 0 || status !== 'failed') return { final: undefined, best: undefined };
  const isTrained = position.round >= numRounds;
  return {
    final: { name: isTrained ? RUN_FILES.final : RUN_FILES.last, model: position.model },
    best: bestOf(history),
  };
}

/** The last round closed has scored the final model, or the one before the last. */
function finalFigures({ last, position }: RunHistory, metric: string) {
  const model = position?.round ?? 0;
  const metrics = last && last.round - 1 === model ? last.metrics : {};
  return { model, value: numberOf(metrics, metric), metrics: { ...metrics } };
}

/** Figures over other sites than those of the rest cannot be compared with them, which their reader must know. */
function scoredByFewer(
  { job: { workflow } }: RunCard,
  { models, best }: { models: RunSummary['models']; best: BestModel | undefined },
): string[] {
  const scorers = (model: RunSummary['models'][number] | undefined) =>
    Object.entries(model?.sites ?? {}).flatMap(([site, own]) => (own === null ? [] : [site]));
  const all = [...new Set(models.flatMap(scorers))].sort(compareSites);
  const partial = models.filter((model) => model.pooled !== null && scorers(model).length < all.length);
  if (partial.length === 0) return [];
  if (workflow.clients_per_round !== undefined)
    return [
      `each model was scored by sites drawn for its round: figures of ${workflow.key_metric} are those of samples`,
    ];
  const shown = partial.slice(0, MOST_SHOWN).map((model) => {
    const missing = all.filter((site) => !scorers(model).includes(site));
    return `model ${model.model} (without ${shortened(missing)})`;
  });
  const isBest = partial.some(({ model }) => model === best?.round);
  return [
    `${workflow.key_metric} is over fewer sites than ${all.length} for ${shortened(shown, partial.length)}: models are compared over the sites they share${isBest ? '; the best model is among them' : ''}`,
  ];
}

const MOST_SHOWN = 5;

function shortened(items: readonly string[], count = items.length): string {
  const more = count - Math.min(items.length, MOST_SHOWN);
  return [...items.slice(0, MOST_SHOWN), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

const FIGURES_STAY =
  'figures stay at their sites (privacy.metrics: none), so none of the models is the best: judge the last one on images that may be seen (neuroflare evaluate)';

/** A dash in every row of the table needs a word. */
function withoutValue(
  { final, goal }: RunHistory,
  { card, models }: { readonly card: RunCard; readonly models: RunSummary['models'] },
): string[] {
  if (!final || models.some(({ pooled }) => pooled !== null)) return [];
  // Others end with their first round where no site reports it.
  if (card.job.executor.type === 'python')
    return [
      `no site reports ${goal.keyMetric} (workflow.key_metric) as a number, so none of the models is the best`,
    ];
  return [
    `${goal.keyMetric} is undefined for every model, so none of them is the best: some class of the model has no validation image (model.classes, the counts of the split)`,
  ];
}

/** Puts the figures of a run, and the models of a finished one, where their reader looks for them. */
export async function writeResults(
  { card, folder, history, events, files }: RunRecord & { files: RunFiles },
  summary: RunSummary,
): Promise<void> {
  const { final, best } = resultOf(history, card.job.workflow.num_rounds);
  if (final) await copyFileAtomic(files.at(final.model), folder.at(final.name));
  // Of a run that had failed and went on to its end.
  if (final && final.name !== RUN_FILES.last) await rm(folder.at(RUN_FILES.last), { force: true });
  if (best) await copyFileAtomic(files.at(best.model), folder.at(RUN_FILES.best));
  const { harmonisation } = history;
  if (harmonisation) await copyFileAtomic(files.at(harmonisation), folder.at(RUN_FILES.harmonisation));
  await writeFileAtomic(folder.at(RUN_FILES.metrics), prettyJson(summary));
  const { cross_site_evaluation: crossSite } = summary;
  if (crossSite) await writeFileAtomic(folder.at(RUN_FILES.crossSite), prettyJson(crossSite));
  const { data_statistics: statistics } = summary;
  if (statistics) await writeFileAtomic(folder.at(RUN_FILES.dataStatistics), prettyJson(statistics));
  const { federated_evaluation: judged } = summary;
  if (judged) await writeFileAtomic(folder.at(RUN_FILES.federatedEvaluation), prettyJson(judged));
  let profile: ImageProfile | undefined;
  await writeAtomic(folder.at(RUN_FILES.roundMetrics), async (file) => {
    for await (const round of closedRounds(events, history)) {
      profile = profileOf(round.results) ?? profile;
      await file.appendFile(roundLine(round));
    }
  });
  if (profile) await writeFileAtomic(folder.at(RUN_FILES.imageProfile), prettyJson(profile));
}

interface Table {
  take(event: RunEvent): void;
}

/** The events as they are, each of which the tables have seen. */
async function* seenBy(tables: readonly Table[], events: AsyncIterable<RunEvent>): AsyncGenerator<RunEvent> {
  for await (const event of events) {
    for (const table of tables) table.take(event);
    yield event;
  }
}

/** The closed rounds of a log, one at a time. */
async function* closedRounds(
  events: AsyncIterable<RunEvent>,
  { goal }: RunHistory,
): AsyncGenerator<ClosedRound & { notes: readonly string[] }> {
  let history = newHistory(goal);
  for await (const event of events) {
    history = record(history, event);
    if (event.type === 'round.closed' && history.last) yield { ...history.last, notes: event.notes ?? [] };
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
