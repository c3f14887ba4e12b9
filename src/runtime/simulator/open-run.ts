import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readSplit } from '../../preprocess/split/manifest.ts';
import type { EngineSetup } from '../executor/messages.ts';
import { type RunHistory, replay, replayEvents } from '../federation/history.ts';
import { keepInitialModel } from '../federation/initial-model.ts';
import { neededFiles, requireIntact } from '../federation/intact.ts';
import { type PreparedJob, plannedAgain, prepareJob } from '../federation/prepare-job.ts';
import { goalOf, type RunCard, readRunCard, writeRunCard } from '../federation/run-card.ts';
import { folderFiles, type RunFiles } from '../federation/run-files.ts';
import { readEvents } from '../federation/stored-runs.ts';
import type { JobHome } from '../job/built-job.ts';
import { type Bundle, readBundle, writeBundle } from '../job/bundle.ts';
import { type LoadedJob, readJob } from '../job/load.ts';
import type { RunFlags, RunPlan } from '../job/plan.ts';
import type { Override } from '../job/variables.ts';
import { canonicalJson } from '../kernel/digest.ts';
import { flError } from '../kernel/errors.ts';
import { softwareVersions } from '../kernel/package-version.ts';
import { compareSites } from '../kernel/site-order.ts';
import { type Journal, openJournal } from '../store/journal.ts';
import type { RunEvent } from '../telemetry/run-events.ts';
import { lockFolder } from '../workspace/lock.ts';
import { RUN_FILES, type RunFolder } from '../workspace/run-folder.ts';
import { createRunFolder, findRun, markLatest } from '../workspace/run-index.ts';

/** A run whose folder is ours, with everything its coordinator needs. */
export interface ActiveRun {
  readonly card: RunCard;
  readonly plan: RunPlan;
  readonly folder: RunFolder;
  readonly files: RunFiles;
  readonly journal: Journal<RunEvent>;
  readonly history: RunHistory;
  release(): Promise<void>;
}

export interface RunRequest {
  readonly job: JobHome;
  readonly workspace: string;
  readonly flags: RunFlags;
  readonly overrides: readonly Override[];
  readonly engine: EngineSetup;
  /** Sites a simulation may have: nvflare's guard against a typing slip. */
  readonly maxClients: number;
}

/** Starts a new run: all checks first, then its folder. */
export async function startRun(request: RunRequest): Promise<ActiveRun> {
  const prepared = await prepareJob(request.job, request);
  const { plan } = prepared;
  if (plan.sites.length > request.maxClients) {
    throw flError('NF_SIMULATE_MAX_CLIENTS', { clients: plan.sites.length, max: request.maxClients });
  }
  // In a real federation every site has images of its own; here they would all be given one folder.
  if (plan.job.data && !prepared.split && plan.sites.length > 1) {
    throw flError('NF_SIMULATE_NO_SPLIT', { sites: plan.sites.length });
  }
  const { id, folder } = await createRunFolder(request.workspace, plan.job.name, new Date());
  try {
    const release = await lockFolder(folder.at(RUN_FILES.lock), `The run ${id}`);
    await writeBundle(prepared.bundle, folder.at(RUN_FILES.bundle));
    const card = makeCard({ id, engine: request.engine.choice }, prepared);
    await writeRunCard(folder, card);
    const files = folderFiles(folder);
    const model = await keepInitialModel(files, prepared.params);
    const journal = await openJournal<RunEvent>(folder.at(RUN_FILES.events));
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

/** Takes up a run where it stopped, if nothing that decides its result has changed. */
export async function resumeRun(request: RunRequest, runId: string | undefined): Promise<ActiveRun> {
  const { loaded, bundle: now } = await readJob(request.job, request.overrides);
  const { id, folder } = await findRun(request.workspace, loaded.definition.name, runId);
  const card = await readRunCard(folder);
  const release = await lockFolder(folder.at(RUN_FILES.lock), `The run ${id}`);
  try {
    await requireUnchanged(card, { folder, flags: request.flags, now });
    if (request.engine.choice !== card.engine) throw changed('the choice of engine (--engine)');
    requireSameValues(card, request.overrides, loaded);
    const history = await replayEvents(readEvents(folder), goalOf(card));
    if (history.status === 'finished') throw flError('NF_RUN_FINISHED', { run: id });
    if (!history.position) {
      const path = folder.at(RUN_FILES.events);
      throw flError(
        'NF_RUN_FILE',
        { path, reason: 'the run was stopped before it began' },
        { place: { file: path } },
      );
    }
    const files = folderFiles(folder);
    const needed = [...neededFiles(history), ...history.states.values()];
    for (const file of needed) await requireIntact(files, file);
    const journal = await openJournal<RunEvent>(folder.at(RUN_FILES.events));
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

async function requireUnchanged(
  card: RunCard,
  { folder, flags, now }: { folder: RunFolder; flags: RunFlags; now: Bundle },
) {
  const then = await readBundle(folder.at(RUN_FILES.bundle));
  if (then.sha256 !== card.bundle_sha256) throw changed('the bundle in the run folder');
  const digests = new Map(then.files.map(({ path, sha256 }) => [path, sha256]));
  const file =
    now.files.find(({ path, sha256 }) => digests.get(path) !== sha256)?.path ??
    then.files.find(({ path }) => !now.files.some((other) => other.path === path))?.path;
  if (file !== undefined) throw changed(file);
  const { clients, siteNames, seed, dataRoot } = flags;
  if ((clients ?? card.sites.length) !== card.sites.length) throw changed('the number of clients');
  if (siteNames && [...siteNames].sort(compareSites).join() !== card.sites.join())
    throw changed('the names of the clients');
  if ((seed ?? card.job.seed) !== card.job.seed) throw changed('the seed');
  if (dataRoot !== undefined && resolve(dataRoot) !== card.data?.root) throw changed('the data folder');
  const split = card.data?.split;
  if (split && card.data?.split_sha256 !== (await readSplit(split)).sha256) throw changed(split);
}

/** A run goes on with the values it was started with; `--set` may repeat them, not change them. */
function requireSameValues(card: RunCard, overrides: readonly Override[], { value }: LoadedJob): void {
  if (overrides.length === 0) return;
  const seed = overrides.some(({ name }) => name === 'seed') ? value.seed : card.job.seed;
  if (canonicalJson({ ...value, seed }) !== canonicalJson(card.job)) throw changed('a value of --set');
}

function changed(what: string) {
  return flError('NF_RUN_CHANGED', { what });
}
