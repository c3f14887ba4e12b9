import { appendFile, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../runtime/base/digest.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { makeFolder, putFile, syncFolder } from '../../runtime/base/files/files.ts';
import { lockFolder } from '../../runtime/base/files/lock.ts';
import { requireAbsent } from './check-places.ts';
import { type PictureFacts, pictureFactsSchema } from './picture-file.ts';

const journalLineSchema = z.strictObject({
  /** Source path. */
  path: z.string(),
  /** Relative to the tree. */
  file: z.string(),
  sha256: z.string(),
  facts: pictureFactsSchema,
});
type JournalLine = z.infer<typeof journalLineSchema>;

/**
 * A data set under way: `TARGET.partial` holds the tree, the key of what it is made from, and a journal with a line for each image that
 * is written. A run that was broken off is taken up again where the key is the same; the tree becomes TARGET by one rename.
 */
export interface PartialTree {
  /** Images that an earlier run wrote and that are whole, by source path. */
  readonly finished: ReadonlyMap<string, PictureFacts>;
  addImage(image: { path: string; file: string; bytes: Uint8Array; facts: PictureFacts }): Promise<void>;
  addText(file: string, text: string): Promise<void>;
  /** Moves the tree to the target. */
  publish(): Promise<void>;
  /** Removes everything. */
  discard(): Promise<void>;
  /** Lets another run in; what is there stays. */
  release(): Promise<void>;
}

/** @throws NF_PATH_BUSY when another process works on it; NF_PATH_EXISTS when the folder is somebody else's. */
export async function openPartial(target: string, key: string): Promise<PartialTree> {
  const root = `${target}.partial`;
  const unlock = await enter(root, target);
  const same = (await readFile(join(root, 'key'), 'utf8').catch(() => '')) === key;
  if (!same) await begin(root, key);
  const finished = await readJournal(root);
  const journal = await open(join(root, 'journal.jsonl'), 'a');
  const tree = join(root, 'tree');
  const write = async (file: string, content: Uint8Array | string) => {
    await makeFolder(dirname(join(tree, file)));
    await putFile(join(tree, file), content);
  };
  // A folder of this name that appears later is another run's, and so is the lock in it.
  let gone = false;
  const remove = async () => {
    await rm(root, { recursive: true, force: true });
    gone = true;
  };
  return {
    finished,
    addImage: async ({ path, file, bytes, facts }) => {
      await write(file, bytes);
      const line: JournalLine = { path, file, sha256: sha256(bytes), facts };
      await journal.write(`${JSON.stringify(line)}\n`);
    },
    addText: write,
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

/** Lines that are whole and whose image has the digest they say; the rest is made again. */
async function readJournal(root: string): Promise<Map<string, PictureFacts>> {
  const text = await readFile(join(root, 'journal.jsonl'), 'utf8').catch(() => '');
  const finished = new Map<string, PictureFacts>();
  for (const line of text.split('\n')) {
    const parsed = parseLine(line);
    if (parsed && (await isWhole(join(root, 'tree', parsed.file), parsed.sha256))) {
      finished.set(parsed.path, parsed.facts);
    }
  }
  if (text !== '' && !text.endsWith('\n')) await appendFile(join(root, 'journal.jsonl'), '\n');
  return finished;
}

function parseLine(line: string): JournalLine | undefined {
  try {
    return journalLineSchema.parse(JSON.parse(line));
  } catch {
    // A line that was being written when the run ended.
    return undefined;
  }
}

async function isWhole(path: string, digest: string): Promise<boolean> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes !== undefined && sha256(bytes) === digest;
}
