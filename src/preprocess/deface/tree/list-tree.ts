import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listSubjects } from '../../bids/participants.ts';

/** Files of one session, or those of a subject that are in none. */
export interface TreeSession {
  readonly subject: string;
  /** `sub-01/ses-1`, `sub-01`. */
  readonly folder: string;
  /** Paths below the data set, with `/`, sorted. */
  readonly images: readonly string[];
  readonly texts: readonly string[];
}

/** What is not carried over into the new data set. */
export interface LeftFile {
  readonly file: string;
  readonly reason: string;
}

/** A data set by what is done with its files. */
export interface Tree {
  readonly sessions: readonly TreeSession[];
  /** Files of the root, tables of phenotype and stimuli. */
  readonly shared: readonly string[];
  readonly left: readonly LeftFile[];
}

const IMAGE = /\.nii(\.gz)?$/;
const TEXT =
  /\.(json|tsv|tsv\.gz|bval|bvec|txt|md|rst)$|^(README|CHANGES|LICENSE|CITATION\.cff|\.bidsignore)$/;
const OTHER_KIND = 'faces are looked for in NIfTI images alone; copy it by hand where it shows none';
const DERIVATIVES =
  'of derivatives, masks and segmentations on the grid of an image come along, and nothing else: volumes of heads in them may show faces';
const OTHER_FOLDER =
  'only subjects, phenotype and stimuli come along; copy it by hand where it shows no faces';

/** @throws the system's error for a folder that cannot be read */
export async function listTree(root: string): Promise<Tree> {
  const sessions: TreeSession[] = [];
  const shared: string[] = [];
  const left: LeftFile[] = [];
  const subjects = await listSubjects(root);
  for (const { name, isFolder } of await entriesOf(root, '')) {
    if (!isFolder) TEXT.test(name) ? shared.push(name) : left.push({ file: name, reason: OTHER_KIND });
    else if (name === 'phenotype' || name === 'stimuli') shared.push(...(await allFiles(root, name)));
    else if (name === 'derivatives') left.push({ file: name, reason: DERIVATIVES });
    else if (!subjects.includes(name)) left.push({ file: name, reason: OTHER_FOLDER });
  }
  for (const subject of subjects) {
    const { folders, ...own } = await sessionOf(root, { subject, folder: subject }, left);
    if (own.images.length + own.texts.length > 0) sessions.push(own);
    for (const folder of folders) {
      const session = await sessionOf(root, { subject, folder }, left);
      sessions.push(session);
    }
  }
  return { sessions, shared, left };
}

interface Listed extends TreeSession {
  /** Of sessions. */
  readonly folders: readonly string[];
}

async function sessionOf(
  root: string,
  { subject, folder }: { subject: string; folder: string },
  left: LeftFile[],
): Promise<Listed> {
  const images: string[] = [];
  const texts: string[] = [];
  const folders: string[] = [];
  const take = (file: string, name: string) => {
    if (IMAGE.test(name)) images.push(file);
    else if (TEXT.test(name)) texts.push(file);
    else left.push({ file, reason: OTHER_KIND });
  };
  for (const { name, isFolder } of await entriesOf(root, folder)) {
    const path = `${folder}/${name}`;
    if (!isFolder) take(path, name);
    else if (name.startsWith('ses-') && folder === subject) folders.push(path);
    else
      for (const entry of await entriesOf(root, path)) {
        const file = `${path}/${entry.name}`;
        if (entry.isFolder) left.push({ file, reason: OTHER_KIND });
        else take(file, entry.name);
      }
  }
  return { subject, folder, images, texts, folders };
}

/** Texts in a folder itself, below the data set. */
export async function listTexts(root: string, folder: string): Promise<string[]> {
  const entries = await entriesOf(root, folder);
  return entries.flatMap(({ name, isFolder }) => (!isFolder && TEXT.test(name) ? [`${folder}/${name}`] : []));
}

async function allFiles(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, isFolder } of await entriesOf(root, folder)) {
    const path = `${folder}/${name}`;
    found.push(...(isFolder ? await allFiles(root, path) : [path]));
  }
  return found;
}

/** Sorted, without what is hidden; a link counts as what it leads to, and as a file where it leads to nothing. */
async function entriesOf(root: string, folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const shown = entries.filter(({ name }) => !name.startsWith('.') || name === '.bidsignore');
  const found = await Promise.all(
    shown.map(async (entry) => ({ name: entry.name, isFolder: await isFolder(join(root, folder), entry) })),
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const found: Stats | undefined = await stat(join(parent, entry.name)).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** Every file with its length and when it was changed: equal lists are of equal data sets. */
export async function stampOf(root: string, { sessions, shared }: Tree): Promise<[string, number, number][]> {
  const files = [...shared, ...sessions.flatMap(({ images, texts }) => [...images, ...texts])];
  const stamps: [string, number, number][] = [];
  for (const file of files) {
    const found = await stat(join(root, file)).catch(() => undefined);
    stamps.push([file, found?.size ?? -1, found?.mtimeMs ?? -1]);
  }
  return stamps;
}
