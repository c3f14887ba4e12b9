import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readLines } from '../../base/files/lines.ts';
import type { MetricReport } from '../../base/logging/metrics.ts';
import { type RunCard, readRunCard } from '../../run/run-card.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';
import type { RunSummary } from '../../run/run-report.ts';
import { describeRunIn } from '../../run/stored-runs.ts';
import { BASELINES_FILE, type Baselines, readBaselines } from '../baselines/result.ts';
import { type PrivacyAudit, readPrivacyAudit } from '../privacy-audit/result.ts';
import { EVALUATION_FILE, EVALUATION_FOLDER, type Evaluation, readEvaluation } from '../result.ts';
import { readOverlays } from './overlays.ts';

/** One scored global model of a run, pooled and by site: a line of round_metrics.jsonl. */
export interface RoundLine {
  readonly model: number;
  readonly metrics: MetricReport;
  readonly sites: Readonly<Record<string, { readonly metrics: MetricReport }>>;
}

/** Everything that a report tells of. */
export interface ReportSource {
  readonly card: RunCard;
  readonly summary: RunSummary;
  readonly rounds: readonly RoundLine[];
  /** Undefined until the run is evaluated. */
  readonly evaluation: Evaluation | undefined;
  /** Undefined where none were run. */
  readonly baselines: Baselines | undefined;
  /** Undefined until the run is attacked. */
  readonly audit: PrivacyAudit | undefined;
  /** Overlays by the name in the evaluation, as PNG bytes. */
  readonly overlays: ReadonlyMap<string, Uint8Array>;
}

const roundLineSchema = z.object({
  model: z.int(),
  metrics: z.record(z.string(), z.json()),
  sites: z.record(z.string(), z.object({ metrics: z.record(z.string(), z.json()) })),
});

export async function gatherReport(folder: RunFolder): Promise<ReportSource> {
  const card = await readRunCard(folder);
  const summary = await describeRunIn(folder);
  const evaluated = folder.at(EVALUATION_FOLDER);
  const path = join(evaluated, EVALUATION_FILE);
  const isThere = async (file: string) => (await stat(file).catch(() => undefined)) !== undefined;
  const evaluation = (await isThere(path)) ? await readEvaluation(path) : undefined;
  const audited = folder.at(RUN_FILES.privacyAudit);
  const audit = (await isThere(audited)) ? await readPrivacyAudit(audited) : undefined;
  const named = evaluation?.worst_cases.flatMap(({ overlay }) => overlay ?? []) ?? [];
  const overlays = await readOverlays(evaluated, named);
  const baselines = await readBaselines(folder.at(BASELINES_FILE));
  return { card, summary, rounds: await readRounds(folder), evaluation, baselines, audit, overlays };
}

/** Empty for a run that has not finished. */
async function readRounds(folder: RunFolder): Promise<RoundLine[]> {
  const path = folder.at(RUN_FILES.roundMetrics);
  if (!(await stat(path).catch(() => undefined))) return [];
  const lines: RoundLine[] = [];
  for await (const { text } of readLines(path))
    if (text !== '') lines.push(roundLineSchema.parse(JSON.parse(text)));
  return lines;
}
