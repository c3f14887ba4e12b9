import { rm } from 'node:fs/promises';
import { writeFileAtomic } from '../../base/files/files.ts';
import { entryOf, type RunFolder } from '../../run/run-folder.ts';
import type { RunKey } from './run-key.ts';

/** Where a worker shows the run that both see one folder. */
export function probePath(folder: RunFolder, worker: string): string {
  return entryOf(folder.at('workers'), worker);
}

export async function writeProbe(folder: RunFolder, worker: string, { id }: RunKey): Promise<void> {
  await writeFileAtomic(probePath(folder, worker), id);
}

export async function removeProbes(folder: RunFolder): Promise<void> {
  await rm(folder.at('workers'), { recursive: true, force: true });
}
