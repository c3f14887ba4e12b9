import type { ErrorCode } from '../../../base/errors/catalog.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { checkExamples, checkFigures } from '../../../base/logging/check-figures.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { MetricReport } from '../../../base/logging/metrics.ts';
import type { SiteTask } from '../../../federation/channel.ts';
import type { TaskResult } from '../../../network/messages/site.ts';
import type { AcceptedResult } from '../../../run/events.ts';
import { statisticsOf } from '../../../run/statistics-of.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { StateFolder } from '../state-folder.ts';
import type { UploadDesk } from '../transfer/upload-desk.ts';
import { blobFile } from './job-files.ts';
import type { JobRun } from './job-run.ts';
import { isOfTheMachine } from './machine-failures.ts';

export interface ResultCheckDeps {
  readonly state: StateFolder;
  readonly uploads: Pick<UploadDesk, 'isWhole'>;
  readonly work: Pick<WorkThread, 'run'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Not the answer's fault: the same answer may be given again. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['NF_UPLOAD_MISSING', 'NF_INTERNAL']);

/**
 * What is acknowledged was looked at: the bytes are there, names and shapes are the model's, every value is a number. Undefined if the
 * task is not the site's any more. An unusable answer fails the site in this round, whatever it does next.
 */
export async function checkResult(
  { state: places, uploads, work, logger }: ResultCheckDeps,
  { run, site }: { run: JobRun; site: string },
  body: TaskResult,
): Promise<AcceptedResult | undefined> {
  const task = run.channel.task(site);
  const { round, update, statistics, state_sha256: state } = body;
  if (task?.round !== round) return undefined;
  let metrics: MetricReport;
  try {
    requireForm(task, body);
    checkExamples(body.num_examples);
    metrics = checkFigures(body.metrics);
    if (update) {
      const { blobs, ...folder } = places.job(run.record.id);
      const { sha256 } = update;
      // By its digest alone a site could give the update of another one, or the model, for its own.
      const isOwn = await uploads.isWhole({ sha256, folder: folder.uploads(site), blobs, ofOneSender: true });
      if (!isOwn) throw flError('NF_UPLOAD_MISSING', { sha256 });
      await work.run('checkUpdate', { path: blobs.at(update.sha256), model: blobs.at(task.model.sha256) });
    }
    // Last: an answer that may come again is counted once.
    run.training.figures.add(site, { ...metrics, statistics });
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    if (!PASSING.has(error.code) && !isOfTheMachine(error)) await refuse(error);
    throw error;
  }
  return {
    site,
    paramsType: body.params_type,
    numExamples: body.num_examples,
    metrics,
    statistics: statistics ?? statisticsOf(metrics, body.num_examples),
    seconds: body.seconds,
    ...(update && { update: blobFile(update.sha256) }),
    ...(state !== undefined && { state: { path: `state/${state}`, sha256: state } }),
  };

  async function refuse(error: NeuroflareError): Promise<void> {
    const { file: _ours, ...place } = error.place ?? {};
    const report = { ...error.report(), place: { ...place, site, round } };
    logger.warn({ job: run.record.id, ...report }, 'an answer was refused');
    await run.channel.deliver(site, { type: 'failure', site, round, error: report });
  }
}

function requireForm({ kind }: SiteTask, { update }: TaskResult): void {
  if (kind === 'train' && !update) throw flError('NF_RESULT_INVALID', { reason: 'params are missing' });
  if (kind !== 'train' && update) throw flError('NF_RESULT_INVALID', { reason: 'params were not asked for' });
}
