import { sha256File } from '../base/digest.ts';
import { flError } from '../base/errors/errors.ts';
import type { FileRef } from './events.ts';
import type { RunFiles } from './run-files.ts';

/** Why a file is not what the log says, or undefined if it is. */
export async function damageOf(files: RunFiles, file: FileRef): Promise<string | undefined> {
  const found = await sha256File(files.at(file)).catch(() => undefined);
  if (found === file.sha256) return undefined;
  return found === undefined ? 'it is missing' : 'its SHA-256 differs';
}

/** @throws NF_RUN_FILE */
export async function requireIntact(files: RunFiles, file: FileRef): Promise<void> {
  const reason = await damageOf(files, file);
  if (reason === undefined) return;
  throw flError('NF_RUN_FILE', { path: file.path, reason }, { place: { file: files.at(file) } });
}
