import { stat } from 'node:fs/promises';
import { sha256File } from '../../base/digest.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../../base/errors/errors.ts';
import { packageVersion } from '../../base/files/package-version.ts';
import { plannedAgain } from '../../federation/prepare-job.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { type RunCard, readRunCard } from '../../run/run-card.ts';
import { type RunFolder, runFolder } from '../../run/run-folder.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import { ownInterpreter } from '../../site/python/interpreter.ts';
import { hardwareClass } from './processor.ts';
import { type AnnouncedRun, openRun, type RunRecord } from './records.ts';
import { type RunKey, readRunKey } from './run-key.ts';
import { writeProbe } from './worker-probe.ts';

/** Of this worker. */
export interface Own {
  readonly id: string;
  readonly name: string;
  readonly gpu: string | undefined;
  readonly requireGpu: boolean;
}

/** A run that a worker can serve, as far as it sees. */
export interface PreparedRun {
  readonly key: RunKey;
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly job: JobDefinition;
  readonly engine: EngineSetup;
  /** What it would compute on here. */
  readonly class: string;
}

/**
 * Looks at a run that the queue told of: nothing of it is believed before its folder has shown the key.
 * @throws NF_WORKER_*, NF_RUN_FILE, NF_ENGINE_*
 */
export async function prepareRun(announced: AnnouncedRun, own: Own): Promise<PreparedRun> {
  const folder = runFolder(announced.folder);
  const key = await readRunKey(folder, own.name);
  const record = openRun(announced, key);
  if (!record)
    throw flError('NF_WORKER_ORDER_FORGED', {
      reason: "what is said of the run is not signed by the run's key",
    });
  if (record.version !== packageVersion())
    throw flError('NF_WORKER_VERSION', {
      worker: own.name,
      version: packageVersion(),
      wanted: record.version,
    });
  const card = await readRunCard(folder);
  await requireData(card, own.name);
  const { job } = plannedAgain(card);
  if (job.executor.type === 'python') ownInterpreter();
  const engine: EngineSetup = { ...record.engine, gpu: own.gpu, requireGpu: own.requireGpu };
  const prepared = { key, folder, record, job, engine, class: await hardwareClass(engine, job) };
  await writeProbe(folder, own.id, key).catch((thrown: unknown) => {
    if (thrown instanceof NeuroflareError) throw thrown;
    const reason = `the worker cannot write there (${toNeuroflareError(thrown).message})`;
    throw flError('NF_WORKER_FILES', { worker: own.name, path: folder.root, reason });
  });
  return prepared;
}

/** @throws NF_WORKER_DATA */
async function requireData({ data }: RunCard, worker: string): Promise<void> {
  if (!data) return;
  const isFolder = await stat(data.root).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw flError('NF_WORKER_DATA', { worker, reason: `there is no folder ${data.root}` });
  if (data.split === null || data.split_sha256 === null) return;
  const found = await sha256File(data.split).catch(() => undefined);
  if (found === data.split_sha256) return;
  const reason =
    found === undefined ? `there is no split ${data.split}` : `the split ${data.split} is another one`;
  throw flError('NF_WORKER_DATA', { worker, reason });
}
