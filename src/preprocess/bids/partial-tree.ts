import { appendFile, lstat, mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile, syncFolder } from '../../runtime/base/files/files.ts';
import { lockFolder } from '../../runtime/base/files/lock.ts';
import { requireAbsent } from './check-places.ts';

const lineSchema = z.strictObject({
  /** Of what it was made from: an examination, a session. */
  key: z.string(),
  files: z.array(
    z.strictObject({
      /** Relative to the tree. */
      file: z.string(),
      sha256: z.string(),
    }),
  ),
  facts: z.unknown(),
});

/** A file of the tree, and the SHA-256 of its bytes. */
export type WrittenFile = z.infer<typeof lineSchema>['files'][number];

interface JournalLine<Facts> {
  readonly key: string;
  readonly files: readonly WrittenFile[];
  readonly facts: Facts;
}

/**
 * A data set under way: `TARGET.partial` holds the tree, the key of what it is made from, and a journal with a line for each
 * part (an examination, a session) that is written, with what is known of it. A run that was broken off is taken up again where the key is the same; the tree becomes TARGET by one rename.
 */
export interface PartialTree<Facts> {
  /** Folder of the tree, for `writeFile`. */
  readonly folder: string;
  /** Parts that an earlier run wrote and that are whole, by key. */
  readonly finished: ReadonlyMap<string, Facts>;
  addFile(file: string, content: Uint8Array | string): Promise<WrittenFile>;
  /** Notes that all files of a part are written. */
  finish(part: JournalLine<Facts>): Promise<void>;
  /** Removes what a part that cannot be used has written. */
  drop(files: readonly WrittenFile[]): Promise<void>;
  /** Moves the tree to the target. */
  publish(): Promise<void>;
  /** Removes everything. */
  discard(): Promise<void>;
  /** Lets another run in; what is there stays. */
  release(): Promise<void>;
}

/** @throws NF_PATH_BUSY when another process works on it; NF_PATH_EXISTS when the folder is somebody else's. */
export async function openPartial<Facts>(
  target: string,
  key: string,
  factsSchema: z.ZodType<Facts>,
): Promise<PartialTree<Facts>> {
  const root = `${target}.partial`;
  const unlock = await enter(root, target);
  const same = (await readFile(join(root, 'key'), 'utf8').catch(() => '')) === key;
  if (!same) await begin(root, key);
  const finished = await readJournal(root, factsSchema);
  const journal = await open(join(root, 'journal.jsonl'), 'a');
  const tree = join(root, 'tree');
  // A folder of this name that appears later is another run's, and so is the lock in it.
  let gone = false;
  const remove = async () => {
    await rm(root, { recursive: true, force: true });
    gone = true;
  };
  return {
    finished,
    folder: tree,
    addFile: (file, content) => writeFile(tree, file, content),
    finish: async ({ key: own, files, facts }) => {
      const line: JournalLine<Facts> = { key: own, files: [...files], facts };
      await journal.write(`${JSON.stringify(line)}\n`);
    },
    drop: async (files) => {
      for (const { file } of files) await removeFile(tree, file);
    },
    publish: async () => {
      await journal.close();
      await rename(tree, target);
      await syncFolder(dirname(target));
      await remove();
    },
    discard: remove,
    release: async () => {
      await journal.close();
      if (!gone) await unlock();
    },
  };
}

/** Writes a file of a tree. */
export async function writeFile(
  tree: string,
  file: string,
  content: Uint8Array | string,
): Promise<WrittenFile> {
  await makeFolder(dirname(join(tree, file)));
  await putFile(join(tree, file), content);
  return { file, sha256: sha256(content) };
}

/** Folders that one subject has for itself. */
const SUBJECT_FOLDER = /^(anat|(ses|sub)-.*)$/;

/** With the folders of the subject that are empty then. */
async function removeFile(tree: string, file: string): Promise<void> {
  await rm(join(tree, file), { force: true });
  for (let folder = dirname(file); SUBJECT_FOLDER.test(basename(folder)); folder = dirname(folder)) {
    if ((await readdir(join(tree, folder))).length > 0) return;
    await rmdir(join(tree, folder));
  }
}

const OWN_NAMES = new Set(['lock', 'lock.takeover', 'key', 'journal.jsonl', 'tree']);

async function begin(root: string, key: string): Promise<void> {
  for (const name of ['key', 'journal.jsonl', 'tree']) {
    await rm(join(root, name), { recursive: true, force: true });
  }
  await mkdir(join(root, 'tree'));
  await putFile(join(root, 'key'), key);
}

/**
 * Makes the working folder, if it is not there, and locks it. Another run may end meanwhile, which takes its folder
 * away: then the target is there.
 */
async function enter(root: string, target: string): Promise<() => Promise<void>> {
  for (;;) {
    await requireAbsent('Target', target);
    await makeFolder(root);
    await requireOwn(root);
    try {
      const foreign = (await readdir(root)).find((name) => !OWN_NAMES.has(name));
      if (foreign !== undefined) {
        throw flError('NF_PATH_EXISTS', { what: 'Working folder', path: root }, { place: { file: root } });
      }
      const unlock = await lockFolder(join(root, 'lock'), `The working folder ${root}`);
      if (!(await lstat(target).catch(() => undefined))) return unlock;
      await rm(root, { recursive: true, force: true });
    } catch (error) {
      const isGone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isGone || (await lstat(root).catch(() => undefined))) throw error;
    }
  }
}

/** Another user may have put a folder of his own here, or a link: images would be his to read and to exchange. @throws NF_PATH_EXISTS */
async function requireOwn(root: string): Promise<void> {
  const found = await lstat(root).catch(() => undefined);
  const user = process.getuid?.();
  if (!found || (found.isDirectory() && (user === undefined || found.uid === user))) return;
  throw flError('NF_PATH_EXISTS', { what: 'Working folder', path: root }, { place: { file: root } });
}

/** Lines that are whole and whose files have the digests they say; the rest is made again. */
async function readJournal<Facts>(root: string, schema: z.ZodType<Facts>): Promise<Map<string, Facts>> {
  const text = await readFile(join(root, 'journal.jsonl'), 'utf8').catch(() => '');
  const finished = new Map<string, Facts>();
  for (const line of text.split('\n')) {
    const parsed = parseLine(line, schema);
    if (!parsed) continue;
    const whole = await Promise.all(
      parsed.files.map(({ file, sha256: digest }) => isWhole(join(root, 'tree', file), digest)),
    );
    if (whole.every(Boolean)) finished.set(parsed.key, parsed.facts);
  }
  if (text !== '' && !text.endsWith('\n')) await appendFile(join(root, 'journal.jsonl'), '\n');
  return finished;
}

function parseLine<Facts>(line: string, schema: z.ZodType<Facts>): JournalLine<Facts> | undefined {
  try {
    const parsed = lineSchema.parse(JSON.parse(line));
    return { ...parsed, facts: schema.parse(parsed.facts) };
  } catch {
    // A line that was being written when the run ended.
    return undefined;
  }
}

async function isWhole(path: string, digest: string): Promise<boolean> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes !== undefined && sha256(bytes) === digest;
}
