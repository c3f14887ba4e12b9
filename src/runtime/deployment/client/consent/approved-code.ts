import { cp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../../base/files/files.ts';
import { isThere } from '../../../base/files/is-there.ts';
import { readInputText } from '../../../base/files/read-file.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { compareText } from '../../../base/text/compare-text.ts';
import { type Bundle, readBundle } from '../../../job/bundle.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

/** Code as it was when somebody approved it, so that the next version can be held against it. Nothing is decided by it. */

const noteSchema = z.object({ name: z.string().nullable(), time: z.string() });

export interface KeptCode {
  readonly code: string;
  /** Of the job that had it. */
  readonly name: string | null;
  /** When it was approved. */
  readonly time: string;
  /** Its files. */
  readonly folder: string;
}

/** Keeps the files of a job whose code is about to be approved. */
export async function keepApprovedCode(
  folder: ClientFolder,
  { code, name, files }: { code: string; name: string | null; files: string },
): Promise<void> {
  const target = join(folder.approvedCode, code);
  if (isThere(target)) return;
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await makeFolder(partial);
  await cp(files, join(partial, 'files'), { recursive: true, errorOnExist: true });
  await writeFileAtomic(join(partial, 'note.json'), prettyJson({ name, time: new Date().toISOString() }));
  await rename(partial, target);
  await syncFolder(folder.approvedCode);
}

/** Code that was approved, as it is kept. */
export interface EarlierCode {
  readonly code: string;
  readonly time: string;
  readonly bundle: Bundle;
}

/**
 * What to hold code against: the newest other code that was approved here, of a job of this name if there is one. A copy that is not what was approved
 * any more is none: a change of it would hide one of the code.
 */
export async function earlierCode(
  folder: ClientFolder,
  { code, name }: { code: string; name: string | null },
): Promise<EarlierCode | undefined> {
  const kept = (await keptCode(folder)).filter((one) => one.code !== code);
  const ofName = kept.filter((one) => one.name === name);
  for (const one of [...ofName, ...kept.filter((other) => !ofName.includes(other))]) {
    const bundle = await readBundle(one.folder).catch(() => undefined);
    if (bundle?.codeSha256 === one.code) return { code: one.code, time: one.time, bundle };
  }
  return undefined;
}

/** What was approved before, the newest first; what cannot be read is left out. */
async function keptCode(folder: ClientFolder): Promise<KeptCode[]> {
  const names = await readdir(folder.approvedCode).catch(() => []);
  const found = await Promise.all(
    names.map(async (code): Promise<KeptCode[]> => {
      const root = join(folder.approvedCode, code);
      const text = await readInputText(join(root, 'note.json')).catch(() => '');
      const note = noteSchema.safeParse(parseJson(text)).data;
      return note && /^[0-9a-f]{64}$/.test(code) ? [{ code, ...note, folder: join(root, 'files') }] : [];
    }),
  );
  return found.flat().sort((a, b) => compareText(b.time, a.time) || compareText(a.code, b.code));
}
