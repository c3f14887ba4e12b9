import { readlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';

/** What keeps contents of files apart from their names: a clone has the names alone until the contents are asked for. */
export type ContentStore = 'git-annex' | 'Git LFS';

/** Longer files are no pointers (git-annex, "pointer file"; Git LFS, "specification"). */
const LONGEST_POINTER = 32_768;
/** Where git-annex keeps contents, in a clone, a submodule or a bare repository. */
const ANNEX_PLACE = /(^|[/\\])annex[/\\]objects[/\\]/;
/** As many as the system follows. */
const MOST_LINKS = 40;

/** Which store a file points to that stands in for its content; undefined for a file of its own. */
export function pointerOf(bytes: Uint8Array): ContentStore | undefined {
  if (bytes.length > LONGEST_POINTER) return undefined;
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  if (/^[/\\]annex[/\\]objects[/\\]/.test(start)) return 'git-annex';
  return /^version https:\/\/(git-lfs|hawser)\.github\.com\/spec\//.test(start) ? 'Git LFS' : undefined;
}

const FETCH: Readonly<Record<ContentStore, string>> = {
  'git-annex': "'datalad get PATH' or 'git annex get PATH'",
  'Git LFS': "'git lfs pull'",
};

/** The error of a file whose content was not fetched. */
export function contentAbsent(store: ContentStore, file: string): Error {
  return flError('NF_BIDS_CONTENT_ABSENT', { file, store, fetch: FETCH[store] }, { place: { file } });
}

/** The same for one line of a list. */
export function absentText(store: ContentStore): string {
  return `its content was not fetched (${store}); in the clone, ${FETCH[store]} fetches it`;
}

export interface LinkEnd {
  readonly kind: 'annex' | 'loop' | 'nothing';
  /** What the first link says. */
  readonly target: string;
}

/** Where a link leads that cannot be followed; undefined where the path is no link. */
export async function linkEnd(path: string): Promise<LinkEnd | undefined> {
  let [at, target]: [string, string | undefined] = [path, undefined];
  for (let links = 0; links < MOST_LINKS; links++) {
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return target === undefined ? undefined : { kind: 'nothing', target };
    target ??= next;
    if (ANNEX_PLACE.test(next)) return { kind: 'annex', target };
    at = resolve(dirname(at), next);
  }
  return { kind: 'loop', target: target ?? '' };
}

/** The error of a path that cannot be followed: content that was not fetched, a link to nothing or in a loop; undefined where it is no link. */
export async function linkFault(path: string): Promise<Error | undefined> {
  const end = await linkEnd(path);
  if (end?.kind === 'annex') return contentAbsent('git-annex', path);
  if (!end) return undefined;
  const what = end.kind === 'loop' ? 'leads back to itself' : `leads to nothing (${end.target})`;
  return flError('NF_BIDS_LINK', { path, what }, { place: { file: path } });
}
