import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';

/**
 * A new folder may be written at `target`: it does not exist, not even as a link, and neither it nor the source lies inside the other.
 * @throws NF_PATH_MISSING for the source, NF_PATH_EXISTS, NF_BIDS_PLACES
 */
export async function checkPlaces(places: { source: string; target: string; what: string }): Promise<void> {
  const { target, what } = places;
  await checkApart(places);
  await requireAbsent(what, target);
}

/** Neither the source nor the target, which may not exist yet, lies inside the other. @throws NF_PATH_MISSING, NF_BIDS_PLACES */
export async function checkApart({ source, target }: { source: string; target: string }): Promise<void> {
  const from = await realpath(source).catch((cause: unknown) => {
    throw flError(
      'NF_PATH_MISSING',
      { what: 'Source folder', path: source },
      { place: { file: source }, cause },
    );
  });
  const to = await realFuturePath(resolve(target));
  if (within(from, to) || within(to, from))
    throw flError('NF_BIDS_PLACES', { source, target }, { place: { file: target } });
}

/** Nothing is at `path`, not even a link. @throws NF_PATH_EXISTS */
export async function requireAbsent(what: string, path: string): Promise<void> {
  const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (there) throw flError('NF_PATH_EXISTS', { what, path }, { place: { file: path } });
}

/** The path with the links of its existing part resolved. */
async function realFuturePath(path: string): Promise<string> {
  const parent = dirname(path);
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined || parent === path) return real ?? path;
  return join(await realFuturePath(parent), basename(path));
}

function within(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
