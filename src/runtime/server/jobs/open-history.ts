import type { RunHistory } from '../../federation/history.ts';
import { damageOf, neededFiles, requireIntact } from '../../federation/intact.ts';
import type { RunFiles } from '../../federation/run-files.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { ReportedFailure } from '../../kernel/errors.ts';
import { faultPoint } from '../../kernel/fault-point.ts';
import type { Journal } from '../../store/journal.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { FileRef, RunEvent } from '../../telemetry/run-events.ts';
import type { WorkThread } from '../work/work-thread.ts';
import { blobFile } from './job-files.ts';
import { historyOf } from './job-results.ts';
import { oneStep } from './one-step.ts';

export interface HistoryDeps {
  readonly record: JobRecord;
  readonly job: JobDefinition;
  readonly journal: Journal<RunEvent>;
  readonly files: RunFiles;
  readonly work: WorkThread;
  readonly logger: Logger;
  /** Of the job's files. */
  readonly bundle: string;
  readonly mostModelBytes: number;
  /** File that says which step is under way. */
  readonly note: string;
}

/** Where a job's log says it is, with its model made if this is the beginning: all that is true before a coordinator takes over. */
export async function openHistory(deps: HistoryDeps): Promise<RunHistory> {
  const { journal, job } = deps;
  const history = await historyOf(journal, job.workflow);
  if (history.status === 'finished') return history;
  if (history.error) throw new ReportedFailure(history.error);
  const opened = {
    type: 'run.opened',
    ...(history.position && { resumedFromRound: history.position.round }),
  } as const;
  await append(deps, opened);
  if (!history.position) await append(deps, { type: 'model.initial', model: await initialModel(deps) });
  await mend(deps, history);
  return historyOf(journal, job.workflow);
}

async function append({ journal }: HistoryDeps, event: RunEvent): Promise<void> {
  faultPoint(`${event.type}:before`);
  await journal.append(event);
  faultPoint(`${event.type}:after`);
}

/** A result whose bytes are damaged is asked for again; a damaged model ends the job with its name. */
async function mend(deps: HistoryDeps, history: RunHistory): Promise<void> {
  const { files, logger, record } = deps;
  const { accepted, open } = history;
  for (const file of neededFiles({ ...history, accepted: [] })) await requireIntact(files, file);
  for (const { site, update } of accepted) {
    if (!update || !open) continue;
    const reason = await damageOf(files, update);
    if (reason === undefined) continue;
    logger.error({ job: record.id, site, reason }, 'an accepted update is damaged: asked for again');
    await append(deps, { type: 'result.dropped', round: open.round, site, reason });
    // Under its name the same answer would count as being there.
    await files.discard([update]);
  }
}

async function initialModel(deps: HistoryDeps): Promise<FileRef> {
  const { record, files, work, job, bundle: folder, mostModelBytes: mostBytes } = deps;
  if (!record.initialModel)
    return oneStep(deps.note, 'making the model of this job', () =>
      files.keepModel(0, async (target) => {
        faultPoint('job:model');
        return work.run('makeModel', { job, folder, mostBytes, target });
      }),
    );
  const model = blobFile(record.initialModel.sha256);
  await requireIntact(files, model);
  return model;
}
