import { join, resolve } from 'node:path';
import { z } from 'zod';
import { findTargetRun } from '../evaluation/target.ts';
import { prettyJson } from '../kernel/digest.ts';
import { writeFileAtomic } from '../workspace/files.ts';
import { gatherReport } from './gather.ts';
import { renderPage } from './page.ts';
import { makeRunRecord } from './run-record.ts';
import { writeTensorboard } from './tensorboard/write-logs.ts';

/** What `report` wrote. */
export const reportResultSchema = z.object({
  report: z.string().describe('one HTML file that needs no network'),
  record: z.string().nullable().describe('run_record.json'),
  tensorboard: z.string().nullable().describe('folder for tensorboard --logdir'),
  verdict: z.string().nullable(),
  sentence: z.string(),
});
export type ReportResult = z.output<typeof reportResultSchema>;

export const REPORT_FILES = {
  page: 'report.html',
  record: 'run_record.json',
  tensorboard: 'tensorboard',
} as const;

const NOT_JUDGED =
  'The run was not judged yet: the report shows validation figures alone. Evaluate it, then make the report again.';

/** Writes the report of a run, its record, and TensorBoard logs. @throws NF_EVALUATE_TARGET, NF_RUN_*, NF_EVALUATE_FILE */
export async function makeReport(options: {
  target: string;
  workspace: string;
  /** Folder to write; default: the run's. */
  out: string | undefined;
}): Promise<ReportResult> {
  const { folder } = await findTargetRun(options);
  const source = await gatherReport(folder);
  const out = resolve(options.out ?? folder.root);
  const paths = {
    report: join(out, REPORT_FILES.page),
    record: join(out, REPORT_FILES.record),
    tensorboard: source.rounds.length > 0 ? join(out, REPORT_FILES.tensorboard) : null,
  };
  if (paths.tensorboard) await writeTensorboard(paths.tensorboard, source.rounds, source.card.created);
  await writeFileAtomic(paths.record, prettyJson(makeRunRecord(source)));
  await writeFileAtomic(paths.report, renderPage(source));
  const headline = source.evaluation?.headline;
  return { ...paths, verdict: headline?.verdict ?? null, sentence: headline?.sentence ?? NOT_JUDGED };
}
