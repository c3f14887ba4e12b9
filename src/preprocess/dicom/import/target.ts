import type { Dirent } from 'node:fs';
import { copyFile, link, lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { prettyJson, sha256 } from '../../../runtime/base/digest.ts';
import { flError } from '../../../runtime/base/errors/errors.ts';
import { makeFolder, putFile, syncFile, syncFolder } from '../../../runtime/base/files/files.ts';
import { lockFolder } from '../../../runtime/base/files/lock.ts';
import { parseJson } from '../../../runtime/base/parse-json.ts';
import type { SiteKey } from '../site-key.ts';

/** What says that neuroflare made a data set from DICOM, and with which key. */
export const STAMP = 'code/neuroflare-dicom.json';
const stampSchema = z.strictObject({ version: z.literal(1), key: z.string() });

/** A data set under way beside its target; it becomes the target by renames, or nothing of it stays. */
export interface TargetTree {
  /** Sessions that the target has already, as `sub-…/ses-…`. */
  readonly sessions: ReadonlySet<string>;
  /** A text of the target as it is, if it is there. */
  earlier(file: string): Promise<string | undefined>;
  add(file: string, content: Uint8Array | string): Promise<void>;
  /** Every file, relative to the tree. */
  files(): Promise<string[]>;
  read(file: string): Promise<Uint8Array>;
  publish(): Promise<void>;
  /** Removes what is not published. */
  discard(): Promise<void>;
}

/** Says which key a data set was made with, and nothing of the key. */
function fingerprint(key: SiteKey): string {
  return sha256(key.label('fingerprint', '', 64)).slice(0, 16);
}

/**
 * A new data set, or one of the same key to which sessions are added: files that are there become links of the new tree.
 * @throws NF_PATH_EXISTS for another thing at the target, NF_DICOM_KEY_OTHER, NF_PATH_BUSY
 */
export async function openTarget(path: string, key: SiteKey): Promise<TargetTree> {
  const target = resolve(path);
  const work = `${target}.partial`;
  await makeFolder(work);
  const unlock = await lockFolder(join(work, 'lock'), `The working folder ${work}`);
  try {
    await takeUp(target, work);
    const isThere = await checkTarget(path, key);
    const tree = join(work, 'tree');
    await makeFolder(tree);
    if (isThere) await linkTree(target, tree);
    const sessions = isThere ? await sessionsOf(target) : new Set<string>();
    const own: TargetTree = {
      sessions,
      earlier: (file) => readFile(join(target, file), 'utf8').catch(() => undefined),
      add: async (file, content) => {
        await makeFolder(dirname(join(tree, file)));
        // A link would change the file of the target.
        await rm(join(tree, file), { force: true });
        await putFile(join(tree, file), content);
        await syncFile(join(tree, file));
      },
      files: () => filesOf(tree),
      read: (file) => readFile(join(tree, file)),
      publish: async () => {
        if (isThere) await rename(target, join(work, 'previous'));
        await rename(tree, target);
        await syncFolder(dirname(target));
        await rm(work, { recursive: true, force: true });
      },
      discard: () => rm(work, { recursive: true, force: true }),
    };
    await own.add(STAMP, prettyJson({ version: 1, key: fingerprint(key) }));
    return own;
  } catch (error) {
    await unlock();
    if (isNothing(error)) await rm(work, { recursive: true, force: true });
    throw error;
  }
}

function isNothing(error: unknown): boolean {
  return error instanceof Error && 'exitCode' in error;
}

/** A run that died between its two renames left the old data set in its working folder: it goes back first. */
async function takeUp(target: string, work: string): Promise<void> {
  const isThere = await lstat(target).catch(() => undefined);
  if (!isThere) await rename(join(work, 'previous'), target).catch(() => undefined);
  for (const name of ['tree', 'previous']) await rm(join(work, name), { recursive: true, force: true });
}

async function checkTarget(path: string, key: SiteKey): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return false;
  const text = await readFile(join(path, STAMP), 'utf8').catch(() => undefined);
  if (text === undefined)
    throw flError('NF_PATH_EXISTS', { what: 'Target', path }, { place: { file: path } });
  const stamp = stampSchema.safeParse(parseJson(text));
  if (stamp.data?.key !== fingerprint(key))
    throw flError('NF_DICOM_KEY_OTHER', { path }, { place: { file: join(path, STAMP) } });
  return true;
}

async function linkTree(from: string, to: string): Promise<void> {
  for (const file of await filesOf(from)) {
    await makeFolder(dirname(join(to, file)));
    await link(join(from, file), join(to, file)).catch(() => copyFile(join(from, file), join(to, file)));
  }
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const pathOf = ({ parentPath, name }: Dirent) => join(parentPath, name);
  // An import makes none: whoever had the data set in between has, and sessions would be written to where they lead.
  const link = entries.find((entry) => entry.isSymbolicLink());
  if (link) throw flError('NF_PATH_LINK', { path: pathOf(link) }, { place: { file: pathOf(link) } });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files
    .map((entry) =>
      pathOf(entry)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

async function sessionsOf(target: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (const file of await filesOf(target)) {
    const session = /^sub-[0-9a-f]+\/ses-[0-9a-f]+(?=\/)/.exec(file)?.[0];
    if (session !== undefined) found.add(session);
  }
  return found;
}
