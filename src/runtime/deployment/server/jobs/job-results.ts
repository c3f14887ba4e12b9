import { rm } from 'node:fs/promises';
import { faultPoint } from '../../../base/errors/fault-point.ts';
import { copyFileAtomic, writeAtomic } from '../../../base/files/files.ts';
import { packageVersion } from '../../../base/files/package-version.ts';
import { compareSites } from '../../../base/site-order.ts';
import type { JobFile } from '../../../job/schema.ts';
import type { Goal } from '../../../run/best-model.ts';
import type { FileRef, RunEvent } from '../../../run/events.ts';
import { type RunHistory, replayEvents } from '../../../run/history.ts';
import type { Journal, JournalRecord } from '../../../run/journal.ts';
import { liveFiles } from '../../../run/live-files.ts';
import { type RunCard, writeRunCard } from '../../../run/run-card.ts';
import type { RunFiles } from '../../../run/run-files.ts';
import { RUN_FILES, runFolder } from '../../../run/run-folder.ts';
import { summarizeRun, writeResults } from '../../../run/run-report.ts';
import { RUN_EVENTS } from '../../../run/stored-event.ts';
import type { JobRecord, Traffic } from '../../store/server-store.ts';
import type { JobFolder } from '../state-folder.ts';
import { blobFile, ownFiles } from './job-files.ts';
import { oneStep, STEP_NOTE } from './one-step.ts';
import { shownEvent } from './shown-event.ts';

export interface EndedJob {
  readonly record: JobRecord;
  readonly job: JobFile;
  readonly sites: readonly string[];
  readonly history: RunHistory;
  readonly journal: Journal<RunEvent>;
  readonly folder: JobFolder;
  readonly files: RunFiles;
}

/** That of round 0, where it came apart from the job's files: a clone begins with it, too. */
export const INITIAL_MODEL = 'initial_model.safetensors';

export async function* eventsOf(journal: Journal<RunEvent>): AsyncGenerator<RunEvent> {
  for await (const { event } of journal.read()) yield event;
}

/** What a job's log adds up to. */
export function historyOf(journal: Journal<RunEvent>, goal: Goal): Promise<RunHistory> {
  return replayEvents(eventsOf(journal), goal);
}

/**
 * What `job download` brings: a run's folder as `simulate` leaves it. Of a job that did not come to its end, the
 * last model it had.
 */
export function writeJobResults(ended: EndedJob): Promise<void> {
  const note = ended.folder.at(STEP_NOTE);
  return oneStep(note, 'writing the results of this job', () => write(ended));
}

async function write(ended: EndedJob): Promise<void> {
  faultPoint('job:results');
  const { record, job, sites, history, journal, folder, files } = ended;
  const card: RunCard = {
    version: 1,
    run_id: record.id,
    created: record.submitted,
    job_folder: record.name,
    bundle_sha256: record.bundleSha256,
    job,
    // Of one that was resumed also those that have not come back.
    sites: [...new Set([...sites, ...history.rounds.keys()])].sort(compareSites),
    min_clients: record.minClients ?? 1,
    engine: 'auto',
    data: null,
    software: { neuroflare: packageVersion(), node: process.versions.node },
    warnings: [],
    ...(record.resumed && { resumed: [...record.resumed] }),
  };
  await writeRunCard(folder, card);
  // A job whose failure could not be journaled is over all the same.
  const over = history.final ? history : { ...history, status: 'failed' as const };
  const run = () => ({ card, history: over, events: eventsOf(journal) });
  // The folder's place on this machine is nobody else's business.
  const summary = await summarizeRun({ ...run(), folder: runFolder('.') });
  await writeResults({ ...run(), folder, files }, summary);
  if (record.initialModel && history.initial)
    await copyFileAtomic(files.at(history.initial), folder.at(INITIAL_MODEL));
  await writeAtomic(folder.at(RUN_FILES.events), async (file) => {
    const append = ({ time, event }: JournalRecord<RunEvent>) =>
      file.appendFile(`${JSON.stringify({ time, event: RUN_EVENTS.write(event) })}\n`);
    for await (const { time, event } of journal.read()) await append({ time, event: shownEvent(event) });
    // The journal says so only when these files are there.
    const { final } = history;
    if (final) {
      const { model, best } = final;
      const event = { type: 'run.finished', model, ...(best && { best }) } as const;
      await append({ time: new Date().toISOString(), event });
    }
  });
}

/** What the rounds needed and nobody needs any more. */
export async function clearWorkFiles(folder: JobFolder): Promise<void> {
  await rm(folder.blobs.root, { recursive: true, force: true });
  await rm(folder.at('uploads'), { recursive: true, force: true });
}

/** Models without which a job that ended cannot go on. */
export function modelsToGoOn(history: RunHistory, { initialModel }: JobRecord): FileRef[] {
  const models = liveFiles(history).flatMap(({ file, role }) => (role === 'model' ? [file] : []));
  if (!initialModel || history.initial) return models;
  return [blobFile(initialModel.sha256), ...models];
}

/** Of a job that ended without success stays what it needs when it is resumed: its models, and the answers to the open round. */
export async function keepToGoOn(
  folder: JobFolder,
  { history, record }: { history: RunHistory; record: JobRecord },
): Promise<void> {
  const kept = [...modelsToGoOn(history, record), ...ownFiles(history)];
  await folder.blobs.keepOnly(new Set(kept.map(({ sha256 }) => sha256)));
  await rm(folder.at('uploads'), { recursive: true, force: true });
}

/** What a run has come to so far, as its job's record holds it; `rounds` of the sites given. */
export function outcomeOf(
  { position, best, rounds, failures: [first] }: RunHistory,
  sites: readonly string[],
  traffic: Traffic,
): NonNullable<JobRecord['outcome']> {
  return {
    round: position?.round ?? 0,
    best: best ? { model: best.round, value: best.value } : null,
    rounds: Object.fromEntries(sites.map((site) => [site, rounds.get(site) ?? 0])),
    traffic,
    firstFailure: first ?? null,
  };
}
