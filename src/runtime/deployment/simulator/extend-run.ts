import { rm } from 'node:fs/promises';
import { flError, NeuroflareError } from '../../base/errors/errors.ts';
import { copyFileAtomic } from '../../base/files/files.ts';
import { lockFolder } from '../../base/files/lock.ts';
import { softwareVersions } from '../../base/files/package-version.ts';
import { plannedAgain } from '../../federation/prepare-job.ts';
import { writeBundle } from '../../job/bundle.ts';
import type { FileRef } from '../../run/events.ts';
import { type RunHistory, replayEvents } from '../../run/history.ts';
import { requireIntact } from '../../run/intact.ts';
import { copyJournal, openJournal } from '../../run/journal.ts';
import { liveFiles } from '../../run/live-files.ts';
import { goalOf, type RunCard, readRunCard, writeRunCard } from '../../run/run-card.ts';
import { folderFiles } from '../../run/run-files.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';
import { createRunFolder, findRun, listRuns, markLatest } from '../../run/run-index.ts';
import { RUN_EVENTS } from '../../run/stored-event.ts';
import { readEvents } from '../../run/stored-runs.ts';
import type { ActiveRun } from './active-run.ts';
import { type Comparison, longerJob } from './same-job.ts';

interface Extension {
  readonly workspace: string;
  /** The run was named, not taken for being the newest. */
  readonly isChosen: boolean;
}

/**
 * Goes on from a finished run, which stays as it is, as a new one: with the rounds of training that it had, its models and what its sites
 * kept, so that it ends with the bits of a run that was as long from the beginning.
 * @throws NF_RUN_FINISHED where its job asks for no more rounds, NF_RUN_CHANGED where the job is another
 */
export async function extendRun(parent: Comparison, { workspace, isChosen }: Extension): Promise<ActiveRun> {
  const { card: before, folder: from, bundle } = parent;
  const { run_id: run } = before;
  const { num_rounds: rounds } = before.job.workflow;
  const job = await longerJob(parent);
  if (!job || job.workflow.num_rounds <= rounds) throw flError('NF_RUN_FINISHED', { run, rounds });
  if (job.privacy)
    throw flError('NF_PRIVACY_PLAN', {
      reason: 'its noise was worked out for the rounds that it had, and more of them would promise less',
      advice: 'Begin a new run with all the rounds.',
    });
  const { count, history } = await trainedPart(from, before);
  // Training may have ended early.
  const trained = history.position?.round ?? rounds;
  const needed = liveFiles(history).map(({ file }) => file);
  for (const file of needed) await requireKept(from, file);
  const { id, folder } = await createRunFolder(workspace, job.name, new Date());
  try {
    const release = await lockFolder(folder.at(RUN_FILES.lock), `The run ${id}`);
    const card: RunCard = {
      ...before,
      run_id: id,
      created: new Date().toISOString(),
      job_folder: parent.loaded.folder,
      bundle_sha256: bundle.sha256,
      job,
      software: softwareVersions(),
      parent: { run_id: run, round: trained },
    };
    await writeBundle(bundle, folder.at(RUN_FILES.bundle));
    await writeRunCard(folder, card);
    for (const { path } of needed) await copyFileAtomic(from.at(path), folder.at(path));
    // Last: a run without a log never began.
    await copyJournal(from.at(RUN_FILES.events), folder.at(RUN_FILES.events), count);
    const journal = await openJournal(folder.at(RUN_FILES.events), RUN_EVENTS);
    await journal.append({ type: 'run.opened', resumedFromRound: trained });
    await markLatest(workspace, job.name, id);
    const others = isChosen ? 1 : await countFinished(workspace, job.name);
    const choice = others < 2 ? '' : `, the newest of ${others} finished ones (--run names another)`;
    const plan = plannedAgain(card);
    return {
      card,
      plan,
      folder,
      files: folderFiles(folder),
      journal,
      history,
      goesOnFrom: `${run}${choice}`,
      release,
    };
  } catch (error) {
    await rm(folder.root, { recursive: true, force: true });
    throw error;
  }
}

/** The log up to its last round of training: what came after it, the score of the last model, a longer run does not have. */
async function trainedPart(
  folder: RunFolder,
  card: RunCard,
): Promise<{ count: number; history: RunHistory }> {
  let count = 0;
  let records = 0;
  for await (const event of readEvents(folder)) {
    records += 1;
    if (event.type === 'round.closed' && event.kind === 'train') count = records;
  }
  return { count, history: await replayEvents(first(readEvents(folder), count), goalOf(card)) };
}

async function* first<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item> {
  let left = count;
  for await (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}

/** @throws NF_RUN_FILE */
async function requireKept(folder: RunFolder, file: FileRef): Promise<void> {
  await requireIntact(folderFiles(folder), file).catch((thrown: unknown) => {
    if (!(thrown instanceof NeuroflareError) || thrown.code !== 'NF_RUN_FILE') throw thrown;
    const reason =
      'it is missing or changed, and a longer run would go on from it (a run that an earlier version finished did not keep it)';
    const { place } = thrown;
    throw flError('NF_RUN_FILE', { path: file.path, reason }, place ? { place } : {});
  });
}

/** Runs that could be gone on from. */
async function countFinished(workspace: string, job: string): Promise<number> {
  let finished = 0;
  for (const id of await listRuns(workspace, job)) {
    const { folder } = await findRun(workspace, job, id);
    // One that cannot be read is none.
    const status = await statusOf(folder).catch(() => undefined);
    if (status === 'finished') finished += 1;
  }
  return finished;
}

async function statusOf(folder: RunFolder): Promise<RunHistory['status']> {
  const card = await readRunCard(folder);
  return (await replayEvents(readEvents(folder), goalOf(card))).status;
}
