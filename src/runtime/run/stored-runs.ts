import { existsSync } from 'node:fs';
import { z } from 'zod';
import { NeuroflareError } from '../base/errors/errors.ts';
import { isLocked } from '../base/files/lock.ts';
import type { FileRef, RunEvent } from './events.ts';
import { type RunHistory, replayEvents } from './history.ts';
import { readJournal } from './journal.ts';
import { goalOf, type RunCard, readRunCard } from './run-card.ts';
import { RUN_FILES, type RunFolder } from './run-folder.ts';
import { findRun, listJobs, listRuns } from './run-index.ts';
import { type RunSummary, runStatusSchema, summarizeRun } from './run-report.ts';
import { RUN_EVENTS } from './stored-event.ts';

/** A run on one line. */
export const runLineSchema = z.object({
  run_id: z.string(),
  job: z.string(),
  status: z.enum([...runStatusSchema.options, 'unreadable']),
  rounds: z.int().nullable().describe('closed so far'),
  num_rounds: z.int().nullable(),
  sites: z.int().nullable(),
  metric: z.string().nullable(),
  best: z.number().nullable(),
  parent: z.string().optional().describe('id of the finished run that it goes on from'),
});

export type RunLine = z.output<typeof runLineSchema>;

/** The events of a run in its folder; nothing else decides what it came to. */
export async function* readEvents(folder: RunFolder): AsyncGenerator<RunEvent> {
  for await (const { event } of readJournal(folder.at(RUN_FILES.events), RUN_EVENTS)) yield event;
}

/** The runs of a workspace, of one job or of all, oldest first. */
export async function describeRuns(workspace: string, job?: string): Promise<RunLine[]> {
  const lines: RunLine[] = [];
  for (const name of job === undefined ? await listJobs(workspace) : [job]) {
    for (const id of await listRuns(workspace, name)) lines.push(await describeLine(workspace, name, id));
  }
  return lines;
}

/** One run that cannot be read does not hide the others. */
async function describeLine(workspace: string, job: string, id: string): Promise<RunLine> {
  const { folder } = await findRun(workspace, job, id);
  try {
    const card = await readRunCard(folder);
    return lineOf(card, await replayStopped(folder, card));
  } catch (error) {
    if (!(error instanceof NeuroflareError)) throw error;
    const unknown = { rounds: null, num_rounds: null, sites: null, metric: null, best: null };
    return { run_id: id, job, status: 'unreadable', ...unknown };
  }
}

/** Everything a run came to, as `simulate` gives it at its end. @throws NF_RUN_NOT_FOUND */
export async function describeRun(workspace: string, job: string, id?: string): Promise<RunSummary> {
  return describeRunIn((await findRun(workspace, job, id)).folder);
}

/** As `describeRun`, of a run whose folder is known. */
export async function describeRunIn(folder: RunFolder): Promise<RunSummary> {
  const card = await readRunCard(folder);
  const history = await replayStopped(folder, card);
  const summary = await summarizeRun({ card, history, folder, events: readEvents(folder) });
  const { final, best } = summary;
  return {
    ...summary,
    final: final && { ...final, file: there(folder, final.file, history.position?.model) },
    best: best && { ...best, file: there(folder, best.file, history.best?.model) },
  };
}

/** A run that failed under version 0.1.0 left its models among those of its rounds alone. */
function there(folder: RunFolder, file: string, model: FileRef | undefined): string {
  return model && !existsSync(file) ? folder.at(model.path) : file;
}

/** What a run's log adds up to; a run that says it is running but has no process was cut short. */
async function replayStopped(folder: RunFolder, card: RunCard): Promise<RunHistory> {
  const history = await replayEvents(readEvents(folder), goalOf(card));
  const stopped = history.status === 'running' && !(await isLocked(folder.at(RUN_FILES.lock)));
  return stopped ? { ...history, status: 'interrupted' } : history;
}

function lineOf(card: RunCard, history: RunHistory): RunLine {
  const { key_metric: metric, num_rounds: all } = card.job.workflow;
  return {
    run_id: card.run_id,
    job: card.job.name,
    status: history.status,
    rounds: history.position?.round ?? 0,
    num_rounds: all,
    sites: card.sites.length,
    metric,
    best: history.best?.value ?? null,
    ...(card.parent && { parent: card.parent.run_id }),
  };
}
