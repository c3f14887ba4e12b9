import { ReportedFailure } from '../../../base/errors/errors.ts';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { JobDefinition } from '../../../job/definition.ts';
import type { FileRef, RunEvent } from '../../../run/events.ts';
import type { RunHistory } from '../../../run/history.ts';
import { damageOf, requireIntact } from '../../../run/intact.ts';
import type { Journal } from '../../../run/journal.ts';
import { liveFiles } from '../../../run/live-files.ts';
import type { RunFiles } from '../../../run/run-files.ts';
import { RUN_FILES } from '../../../run/run-folder.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { JobFolder } from '../state-folder.ts';
import { blobFile } from './job-files.ts';
import { historyOf } from './job-results.ts';
import { oneStep, STEP_NOTE } from './one-step.ts';

export interface HistoryDeps {
  readonly record: JobRecord;
  readonly job: JobDefinition;
  readonly journal: Journal<RunEvent>;
  readonly files: RunFiles;
  readonly work: WorkThread;
  readonly logger: Logger;
  readonly folder: JobFolder;
  readonly mostModelBytes: number;
  /** The job is aborted, or the server stops. */
  readonly signal: AbortSignal;
}

/** Where a job's log says it is, with its model made if this is the beginning: all that is true before a coordinator takes over. */
export async function openHistory(deps: HistoryDeps): Promise<RunHistory> {
  const { journal, job } = deps;
  const note = deps.folder.at(STEP_NOTE);
  const replay = () => historyOf(journal, job.workflow);
  const history = await oneStep(note, 'reading the log of this job', replay);
  if (history.status === 'finished') return history;
  if (history.error) throw new ReportedFailure(history.error);
  const opened = {
    type: 'run.opened',
    ...(history.position && { resumedFromRound: history.position.round }),
  } as const;
  await append(deps, opened);
  if (!history.position) await append(deps, { type: 'model.initial', model: await initialModel(deps) });
  await mend(deps, history);
  return replay();
}

async function append({ journal }: HistoryDeps, event: RunEvent): Promise<void> {
  faultPoint(`${event.type}:before`);
  await journal.append(event);
  faultPoint(`${event.type}:after`);
}

/** A result whose bytes are damaged is asked for again; a damaged model ends the job with its name. */
async function mend(deps: HistoryDeps, history: RunHistory): Promise<void> {
  const { files, logger, record } = deps;
  // What sites keep lies at the sites.
  const own = liveFiles(history).filter(({ role }) => role !== 'state');
  for (const { file, task } of own) {
    // Nor is anybody asked again once it is settled which answers count.
    if (task === undefined) {
      await requireIntact(files, file);
      continue;
    }
    const reason = await damageOf(files, file);
    if (reason === undefined) continue;
    logger.error({ job: record.id, task, reason }, 'an accepted answer is damaged: asked for again');
    await append(deps, { type: 'result.dropped', task, reason });
    // Under its name the same answer would count as being there.
    await files.discard([file]);
  }
}

async function initialModel(deps: HistoryDeps): Promise<FileRef> {
  const { record, files, work, job, mostModelBytes: mostBytes } = deps;
  const folder = deps.folder.at(RUN_FILES.bundle);
  if (!record.initialModel)
    return oneStep(deps.folder.at(STEP_NOTE), 'making the model of this job', () =>
      files.keepModel(0, async (target) => {
        faultPoint('job:model');
        // The thread goes on with it, and what it makes is nobody's: the job ends at once.
        return untilAborted(() => work.run('makeModel', { job, folder, mostBytes, target }), deps.signal);
      }),
    );
  const model = blobFile(record.initialModel.sha256);
  await requireIntact(files, model);
  return model;
}

/** @throws the signal's reason as soon as it is aborted */
async function untilAborted<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
