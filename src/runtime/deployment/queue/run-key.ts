import { randomBytes } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import { sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';

/** What orders and answers of a run are signed with: who can write to the queue, but not to the run's folder, cannot have code run. */
export interface RunKey {
  readonly secret: Uint8Array;
  /** Names the run in the queue. */
  readonly id: string;
}

const BYTES = 32;

/** That of the run, made if it has none. */
export async function ensureRunKey(folder: RunFolder): Promise<RunKey> {
  const path = folder.at(RUN_FILES.key);
  const known = await readFile(path).catch(() => undefined);
  if (known?.length === BYTES) return keyOf(known);
  const secret = randomBytes(BYTES);
  await writeFileAtomic(path, secret, { mode: 0o600 });
  return keyOf(secret);
}

/**
 * At a worker, which was told of the folder by the queue: a key that others can write is theirs.
 * @throws NF_WORKER_KEY, NF_WORKER_FILES where there is none
 */
export async function readRunKey(folder: RunFolder, worker: string): Promise<RunKey> {
  const path = folder.at(RUN_FILES.key);
  const entry = await lstat(path).catch(() => undefined);
  if (!entry)
    throw flError('NF_WORKER_FILES', { worker, path: folder.root, reason: 'the worker sees no run there' });
  const refuse = (reason: string) => flError('NF_WORKER_KEY', { path, reason });
  if (!entry.isFile()) throw refuse('it is no plain file');
  if (process.getuid && entry.uid !== process.getuid()) throw refuse('it is of another user');
  if (process.platform !== 'win32' && (entry.mode & 0o077) !== 0) throw refuse('others may read or write it');
  const secret = await readFile(path);
  if (secret.length !== BYTES) throw refuse('it is no key');
  return keyOf(secret);
}

function keyOf(secret: Uint8Array): RunKey {
  return { secret, id: sha256(secret).slice(0, 16) };
}
