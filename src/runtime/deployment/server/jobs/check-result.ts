import { basename } from 'node:path';
import type { ErrorCode } from '../../../base/errors/catalog.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { checkExamples, checkFigures } from '../../../base/logging/check-figures.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { MetricReport } from '../../../base/logging/metrics.ts';
import { MASKED_ENCODING, PACKED_ENCODINGS } from '../../../base/tensors/packed/form.ts';
import type { SiteTask } from '../../../federation/channel.ts';
import { requireHarmoniseSums } from '../../../federation/harmonised-sums.ts';
import type { TaskResult } from '../../../network/messages/site.ts';
import { requireDeclared } from '../../../run/declared.ts';
import type { AcceptedResult, FileRef, Values } from '../../../run/events.ts';
import type { Statistics } from '../../../run/statistics.ts';
import { requireSums } from '../../../run/statistics-of.ts';
import { requireValues } from '../../../run/task-values.ts';
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
  deps: ResultCheckDeps,
  { run, site, hold }: SiteJob,
  body: TaskResult,
): Promise<AcceptedResult | undefined> {
  const task = run.channel.task(site);
  if (!task || task.id !== body.task) return undefined;
  const { statistics, state_sha256: state } = body;
  let metrics: MetricReport;
  let sums: Statistics;
  const values = body.values as Values | undefined;
  const files: Record<string, FileRef> = {};
  try {
    requireFiles(task, body.files);
    requireEncoding(task, body);
    requireValues(values ?? {}, task.form, task.id);
    requireHarmoniseSums(task.id, values ?? {}, run.job.definition);
    checkExamples(body.num_examples);
    metrics = checkFigures(body.metrics);
    sums = requireSums(statistics, metrics, body.num_examples);
    for (const [name, file] of Object.entries(body.files))
      files[name] = await checkFile(deps, { run, site, hold }, { task, name, file });
    // Last: an answer that may come again is counted once.
    run.training.figures.add(site, { ...metrics, statistics });
  } catch (thrown) {
    const error = toNeuroflareError(thrown);
    if (!PASSING.has(error.code) && !isOfTheMachine(error)) await refuse(deps, { run, task, error });
    throw error;
  }
  return {
    site,
    paramsType: body.params_type,
    numExamples: body.num_examples,
    metrics,
    statistics: sums,
    seconds: body.seconds,
    files,
    ...(values && { values }),
    ...(state !== undefined && { state: { path: `state/${state}`, sha256: state } }),
  };
}

interface SiteJob {
  readonly run: JobRun;
  readonly site: string;
  /** Keeps a blob of this name from being cleared away until the answer is in the job's log. */
  readonly hold: (name: string) => void;
}

async function refuse(
  { logger }: ResultCheckDeps,
  { run, task, error }: { run: JobRun; task: SiteTask; error: NeuroflareError },
): Promise<void> {
  const { site, round, id } = task;
  const { file: _ours, ...place } = error.place ?? {};
  const report = { ...error.report(), place: { ...place, site, round } };
  logger.warn({ job: run.record.id, ...report }, 'an answer was refused');
  await run.channel.deliver({ type: 'failure', task: id, error: report });
}

/** @throws NF_RESULT_INVALID, NF_PAYLOAD_MISSING, NF_PAYLOAD_UNKNOWN */
function requireFiles({ id: task, form: { answer } }: SiteTask, files: TaskResult['files']): void {
  if (answer.model && !files.model) throw flError('NF_RESULT_INVALID', { reason: 'params are missing' });
  if (files.model && !answer.model)
    throw flError('NF_RESULT_INVALID', { reason: 'params were not asked for' });
  requireDeclared(files, answer, task);
}

/** @throws NF_RESULT_INVALID of an answer that is not packed as its job says, or not made of differences then */
function requireEncoding({ form }: SiteTask, { encoding, params_type: type, files }: TaskResult): void {
  const rules = Object.keys(files).flatMap((name) => form.answer[name] ?? []);
  const packing = rules.flatMap((rule) => rule.packing ?? [])[0];
  const isMasked = rules.some(({ masked }) => masked);
  const wanted = packing ? PACKED_ENCODINGS[packing.name] : isMasked ? MASKED_ENCODING : 'safetensors';
  if (wanted !== 'safetensors' && type !== 'DIFF')
    throw flError('NF_RESULT_INVALID', {
      reason: `params_type is ${type}, and what is ${isMasked ? 'masked' : 'packed'} are differences`,
    });
  if (encoding === wanted) return;
  throw flError('NF_RESULT_INVALID', {
    reason: `its files are encoded as ${encoding}, and the job asks for ${wanted}`,
  });
}

interface SentFile {
  readonly task: SiteTask;
  readonly name: string;
  readonly file: { readonly sha256: string };
}

/**
 * By its digest alone a site could give the file of another one, or the model, for its own. Returns the file that counts: of a packed one
 * what it stands for.
 */
async function checkFile(
  { state, uploads, work }: ResultCheckDeps,
  { run, site, hold }: SiteJob,
  { task, name, file: { sha256 } }: SentFile,
): Promise<FileRef> {
  const rule = task.form.answer[name];
  if (!rule) return blobFile(sha256);
  const { blobs, ...folder } = state.job(run.record.id);
  const isOwn = await uploads.isWhole({ sha256, folder: folder.uploads(site), blobs, ofOneSender: true });
  if (!isOwn) throw flError('NF_UPLOAD_MISSING', { sha256 });
  const model = blobs.at(task.inputs.model.sha256);
  const sent = { path: blobs.at(sha256), model, rule, name, task: task.id };
  if (!rule.packing) {
    await work.run('checkFile', sent);
    return blobFile(sha256);
  }
  const target = await blobs.draft();
  hold(basename(target));
  const unpacked = await work.run('unpackFile', { ...sent, target });
  hold(unpacked);
  await blobs.adopt(target, unpacked);
  return blobFile(unpacked);
}
