import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { canonicalJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { lockFolder } from '../../base/files/lock.ts';
import { requireOwnRun } from '../../base/files/no-links.ts';
import { softwareVersions } from '../../base/files/package-version.ts';
import { keepInitialModel } from '../../federation/initial-model.ts';
import { type PreparedJob, plannedAgain, prepareJob } from '../../federation/prepare-job.ts';
import type { JobHome } from '../../job/built-job.ts';
import { writeBundle } from '../../job/bundle.ts';
import { readJob } from '../../job/load.ts';
import type { RunFlags } from '../../job/plan.ts';
import type { Override } from '../../job/variables.ts';
import type { RunEvent } from '../../run/events.ts';
import { replay, replayEvents } from '../../run/history.ts';
import { requireIntact } from '../../run/intact.ts';
import { openJournal } from '../../run/journal.ts';
import { liveFiles } from '../../run/live-files.ts';
import { goalOf, type RunCard, readRunCard, writeRunCard } from '../../run/run-card.ts';
import { folderFiles } from '../../run/run-files.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import { createRunFolder, findRun, LATEST, markLatest } from '../../run/run-index.ts';
import { RUN_EVENTS } from '../../run/stored-event.ts';
import { readEvents } from '../../run/stored-runs.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import { ownInterpreter } from '../../site/python/interpreter.ts';
import type { ActiveRun } from './active-run.ts';
import { extendRun } from './extend-run.ts';
import { sameJob } from './same-job.ts';

export interface RunRequest {
  readonly job: JobHome;
  readonly workspace: string;
  readonly flags: RunFlags;
  readonly overrides: readonly Override[];
  readonly engine: EngineSetup;
  /** Sites a simulation may have: nvflare's guard against a typing slip. */
  readonly maxClients: number;
}

/** All that is checked of a new run before there is anything of it. */
export async function checkRun(request: RunRequest): Promise<PreparedJob> {
  const prepared = await prepareJob(request.job, request);
  const { plan } = prepared;
  if (plan.job.executor.type === 'python') ownInterpreter();
  if (plan.sites.length > request.maxClients) {
    throw flError('NF_SIMULATE_MAX_CLIENTS', { clients: plan.sites.length, max: request.maxClients });
  }
  // In a real federation every site has images of its own; here they would all be given one folder.
  if (plan.job.data && !prepared.split && plan.sites.length > 1) {
    throw flError('NF_SIMULATE_NO_SPLIT', { sites: plan.sites.length });
  }
  return prepared;
}

/** Makes the folder of a run that was checked. */
export async function startRun(request: RunRequest, prepared: PreparedJob): Promise<ActiveRun> {
  const { plan } = prepared;
  const { id, folder } = await createRunFolder(request.workspace, plan.job.name, new Date());
  try {
    const release = await lockFolder(folder.at(RUN_FILES.lock), `The run ${id}`);
    await writeBundle(prepared.bundle, folder.at(RUN_FILES.bundle));
    const card = makeCard({ id, engine: request.engine.choice }, prepared);
    await writeRunCard(folder, card);
    const files = folderFiles(folder);
    const model = await keepInitialModel(files, prepared.params);
    const journal = await openJournal(folder.at(RUN_FILES.events), RUN_EVENTS);
    const events: RunEvent[] = [{ type: 'run.opened' }, { type: 'model.initial', model }];
    for (const event of events) await journal.append(event);
    await markLatest(request.workspace, plan.job.name, id);
    return { card, plan, folder, files, journal, history: replay(events, goalOf(card)), release };
  } catch (error) {
    // A run that never began, for want of space say, could not be resumed.
    await rm(folder.root, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Takes up a run where it stopped, if nothing that decides its result has changed: its limits of time may be others. From one that is finished another one goes on, if its job
 * has more rounds now.
 */
export async function resumeRun(request: RunRequest, runId: string | undefined): Promise<ActiveRun> {
  const { loaded, bundle } = await readJob(request.job, request.overrides);
  const { id, folder } = await findRun(request.workspace, loaded.definition.name, runId);
  await requireOwnRun(folder.root);
  const before = await readRunCard(folder);
  const release = await lockFolder(folder.at(RUN_FILES.lock), `The run ${id}`);
  try {
    const { flags, overrides, engine, workspace } = request;
    const run = { card: before, folder, flags, overrides, engine: engine.choice, loaded, bundle };
    const history = await replayEvents(readEvents(folder), goalOf(before));
    if (history.status === 'finished') {
      const longer = await extendRun(run, { workspace, isChosen: runId !== undefined && runId !== LATEST });
      await release();
      return longer;
    }
    const card = { ...before, job: await sameJob(run) };
    if (!history.position) {
      const path = folder.at(RUN_FILES.events);
      throw flError(
        'NF_RUN_FILE',
        { path, reason: 'the run was stopped before it began' },
        { place: { file: path } },
      );
    }
    const files = folderFiles(folder);
    for (const { file } of liveFiles(history)) await requireIntact(files, file);
    if (canonicalJson(card) !== canonicalJson(before)) await writeRunCard(folder, card);
    const journal = await openJournal(folder.at(RUN_FILES.events), RUN_EVENTS);
    await journal.append({ type: 'run.opened', resumedFromRound: history.position?.round ?? 0 });
    return {
      card,
      plan: plannedAgain(card),
      folder,
      files,
      journal,
      history: { ...history, status: 'running' },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

function makeCard(
  { id, engine }: { id: string; engine: RunCard['engine'] },
  { loaded, bundle, plan, split, warnings }: PreparedJob,
): RunCard {
  const { data } = plan.job;
  return {
    version: 1,
    run_id: id,
    created: new Date().toISOString(),
    job_folder: loaded.folder,
    bundle_sha256: bundle.sha256,
    job: { ...loaded.value, seed: plan.job.seed },
    sites: [...plan.sites],
    min_clients: plan.minClients,
    engine,
    data: data
      ? { root: resolve(data.root), split: data.split ?? null, split_sha256: split?.sha256 ?? null }
      : null,
    software: softwareVersions(),
    warnings: [...warnings],
  };
}
