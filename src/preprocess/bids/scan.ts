import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { DATA_LIMITS } from '../../runtime/base/limits.ts';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { absentText, linkEnd } from '../content/absent.ts';
import type { Fault } from '../image/fault.ts';
import type { LabelMap } from './label-map.ts';

/** One file of a class folder. */
export interface SourcePicture {
  /** Relative to the source, with `/`. */
  readonly path: string;
  readonly label: string;
  /** `Training` or `Testing`, where the source has such a level. */
  readonly split: string | undefined;
}

export interface SourceTree {
  /** Sorted by path, by UTF-16 code unit. */
  readonly pictures: readonly SourcePicture[];
  /** Entries of class folders that are no regular files inside the source. */
  readonly faults: readonly Fault[];
}

/** What systems leave in folders. */
const LITTER = /^(\..*|Thumbs\.db|desktop\.ini|__MACOSX)$/i;

interface ClassFolder {
  readonly path: string;
  readonly label: string;
  readonly split: string | undefined;
}

/**
 * Lists the files of SOURCE/<class>/ or SOURCE/<split>/<class>/. Links are followed inside the source only.
 * @throws NF_PATH_MISSING, NF_BIDS_SOURCE_EMPTY, NF_BIDS_CLASS_UNKNOWN, NF_BIDS_CLASS_EMPTY, NF_BIDS_ONE_CLASS
 */
export async function scanSource(source: string, labels: LabelMap): Promise<SourceTree> {
  const root = await realpath(source).catch((cause: unknown) => {
    throw flError(
      'NF_PATH_MISSING',
      { what: 'Source folder', path: source },
      { place: { file: source }, cause },
    );
  });
  const noFolders = { place: { file: source } };
  if (!(await stat(root)).isDirectory()) throw flError('NF_BIDS_SOURCE_EMPTY', { path: source }, noFolders);
  const folders = await classFolders({ root, source }, labels);
  if (folders.length === 0) throw flError('NF_BIDS_SOURCE_EMPTY', { path: source }, noFolders);
  const pictures: SourcePicture[] = [];
  const faults: Fault[] = [];
  for (const folder of folders) {
    const before = pictures.length + faults.length;
    for (const entry of await list(join(root, folder.path))) {
      const path = `${folder.path}/${entry.name}`;
      const fault = await faultOf({ root, path, entry });
      if (fault) faults.push(fault);
      else pictures.push({ path, label: folder.label, split: folder.split });
    }
    if (pictures.length + faults.length === before) {
      const place = { file: join(source, folder.path) };
      throw flError('NF_BIDS_CLASS_EMPTY', { folder: folder.path }, { place });
    }
  }
  checkClasses(
    folders.map((folder) => folder.label),
    source,
  );
  return { pictures: pictures.sort((a, b) => compareText(a.path, b.path)), faults };
}

/** @throws NF_BIDS_ONE_CLASS unless there are two labels. */
export function checkClasses(labels: readonly string[], source: string): void {
  const [label = 'none'] = labels;
  if (new Set(labels).size < 2) throw flError('NF_BIDS_ONE_CLASS', { label }, { place: { file: source } });
}

/** `source` is the root as the user typed it. */
async function classFolders(
  { root, source }: { root: string; source: string },
  labels: LabelMap,
): Promise<ClassFolder[]> {
  const found: ClassFolder[] = [];
  for (const name of await folderNames(root)) {
    const label = labels.get(name);
    if (label !== undefined) {
      found.push({ path: name, label, split: undefined });
      continue;
    }
    const inner = await folderNames(join(root, name));
    if (!inner.some((folder) => labels.has(folder))) throw unknownClass(name, labels, source);
    for (const folder of inner) {
      const innerLabel = labels.get(folder);
      if (innerLabel === undefined) throw unknownClass(`${name}/${folder}`, labels, source);
      found.push({ path: `${name}/${folder}`, label: innerLabel, split: name });
    }
  }
  return found;
}

function unknownClass(folder: string, labels: LabelMap, source: string) {
  const known = [...labels.keys()].join(', ');
  const nearest = didYouMean(basename(folder), labels.keys());
  return flError(
    'NF_BIDS_CLASS_UNKNOWN',
    { folder, nearest, known },
    { place: { file: join(source, folder) } },
  );
}

async function folderNames(path: string): Promise<string[]> {
  const entries = await list(path);
  const folders = await Promise.all(entries.map(async (entry) => isFolder(join(path, entry.name), entry)));
  return entries.filter((_, at) => folders[at]).map((entry) => entry.name);
}

/** A link that leads nowhere counts as a folder, so that it is named and not passed over. */
async function isFolder(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(path).then(
    (target) => target.isDirectory(),
    () => true,
  );
}

async function list(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ELOOP') throw cause;
    throw flError(
      'NF_PATH_MISSING',
      { what: 'Folder behind the link', path },
      { place: { file: path }, cause },
    );
  });
  return entries.filter((entry) => !LITTER.test(entry.name)).sort((a, b) => compareText(a.name, b.name));
}

/** A regular file inside the source has no fault. */
async function faultOf(what: { root: string; path: string; entry: Dirent }): Promise<Fault | undefined> {
  const { root, path, entry } = what;
  const target = await realpath(join(root, path)).catch((error: NodeJS.ErrnoException) => error);
  if (target instanceof Error) {
    if (!entry.isSymbolicLink()) return { code: 'unreadable', path, detail: target.message };
    const kind = (await linkEnd(join(root, path)))?.kind;
    if (kind === 'annex') return { code: 'content_absent', path, detail: absentText('git-annex') };
    return { code: 'link_broken', path, detail: kind === 'loop' ? 'a link in a loop' : 'a link to nothing' };
  }
  if (!target.startsWith(root + sep)) {
    return { code: 'link_outside', path, detail: 'leads out of the source folder' };
  }
  const kind = await stat(target);
  if (kind.isDirectory()) return { code: 'folder_in_class', path, detail: 'a folder among the images' };
  if (!kind.isFile()) return { code: 'not_a_file', path, detail: 'a pipe, socket or device' };
  if (kind.size > DATA_LIMITS.picture_bytes.most)
    return { code: 'too_large', path, detail: `${kind.size} bytes` };
  return undefined;
}
