import { join, resolve } from 'node:path';
import { prettyJson } from '../../base/digest.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { findTargetRun } from '../../run/find-target-run.ts';
import { openAnyKit } from '../../security/kit/open.ts';
import { type ComparedRun, pairRuns, renderComparison } from './compare.ts';
import { gatherReport } from './gather.ts';
import { evaluateCommand } from './next-command.ts';
import { renderPage } from './page.ts';
import type { ReportResult } from './result.ts';
import { makeRunRecord } from './run-record.ts';
import { writeTensorboard } from './tensorboard/write-logs.ts';

export const REPORT_FILES = {
  page: 'report.html',
  comparison: 'comparison.html',
  record: 'run_record.json',
  tensorboard: 'tensorboard',
} as const;

const NOT_JUDGED = 'The run was not judged yet: the report shows validation figures alone.';

export interface ReportOptions {
  readonly target: string;
  readonly workspace: string;
  /** Folder to write; default: the run's. */
  readonly out: string | undefined;
  /** Kit whose owner signs the record. */
  readonly signWith?: string | undefined;
}

/** Writes the report of a run, its record, and TensorBoard logs. @throws NF_RUN_TARGET, NF_RUN_*, NF_EVALUATE_FILE */
export async function makeReport(options: ReportOptions): Promise<ReportResult> {
  const kit = options.signWith === undefined ? undefined : await openAnyKit(options.signWith);
  const { folder } = await findTargetRun(options);
  const source = await gatherReport(folder);
  const out = resolve(options.out ?? folder.root);
  const paths = {
    report: join(out, REPORT_FILES.page),
    record: join(out, REPORT_FILES.record),
    tensorboard: source.rounds.length > 0 ? join(out, REPORT_FILES.tensorboard) : null,
  };
  if (paths.tensorboard) {
    const logs = { root: out, below: REPORT_FILES.tensorboard };
    await writeTensorboard(logs, source.rounds, source.card.created);
  }
  await writeFileAtomic(paths.record, prettyJson(makeRunRecord(source, kit)));
  await writeFileAtomic(paths.report, renderPage(source, options));
  const headline = source.evaluation?.headline;
  const judge = evaluateCommand(source.card, options);
  const next = judge === undefined ? '' : ` Judge it, then make the report again: ${judge}`;
  const sentence = headline?.sentence ?? `${NOT_JUDGED}${next}`;
  return { ...paths, verdict: headline?.verdict ?? null, sentence, comparison: null };
}

/** Writes a page on two judged runs, paired by subject. @throws as `makeReport`, and NF_COMPARE_* */
export async function makeComparison(options: ReportOptions, other: string): Promise<ReportResult> {
  const both = [options.target, other].map(async (target) => {
    const { folder } = await findTargetRun({ ...options, target });
    return { folder, source: await gatherReport(folder) };
  });
  const [one, two] = (await Promise.all(both)) as [ComparedRun, ComparedRun];
  const comparison = await pairRuns(one, two);
  const report = join(resolve(options.out ?? one.folder.root), REPORT_FILES.comparison);
  const { page, sentence } = renderComparison([one.source, two.source], comparison);
  await writeFileAtomic(report, page);
  return { report, record: null, tensorboard: null, verdict: null, sentence, comparison };
}
