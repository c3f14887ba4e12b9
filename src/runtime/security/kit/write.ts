import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../base/files/files.ts';
import { PRIVATE_FOLDER_MODE, PRIVATE_MODE } from '../certificate/keys.ts';
import type { ParticipantType } from '../project/schema.ts';
import { kitFiles } from './layout.ts';
import { localFiles } from './local-files.ts';
import type { KitTexts } from './startup-files.ts';

export interface KitContent {
  readonly type: ParticipantType;
  /** All of `startup/` but the key. */
  readonly startup: KitTexts;
  /** PEM */
  readonly key: string;
}

/** Writes a whole kit into a folder that nobody looks at yet; the caller renames it. */
export async function writeKit(dir: string, { type, startup, key }: KitContent): Promise<void> {
  for (const folder of ['startup', 'local']) {
    await makeFolder(join(dir, folder), { mode: PRIVATE_FOLDER_MODE });
  }
  await writeFileAtomic(join(dir, kitFiles(type).key), key, { mode: PRIVATE_MODE });
  const texts = Object.entries({ ...startup, ...localFiles(type) });
  for (const [path, text] of texts) await writeFileAtomic(join(dir, path), text);
}

/**
 * Puts new signed files into a kit that is in use; `local/` and the key stay. Each file is the old or the new one at any
 * moment and the signature comes last, so that a kit cut short in between is found by `verifyKit` and mended by a repeat.
 */
export async function replaceStartup(dir: string, type: ParticipantType, startup: KitTexts): Promise<void> {
  const { signature } = kitFiles(type);
  const last = startup[signature];
  for (const [path, text] of Object.entries(startup)) {
    if (path !== signature) await writeFileAtomic(join(dir, path), text);
  }
  if (last !== undefined) await writeFileAtomic(join(dir, signature), last);
}
