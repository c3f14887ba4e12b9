import { MemoryCache } from '../../runtime/base/memory-cache.ts';

/** A square as a network sees it: grey, 0 black to 255 white, row by row. */
export type Picture = Uint8Array;

/** 256 MiB hold 65 000 pictures of 64 x 64 pixels. */
const DEFAULT_BUDGET = 256 * 2 ** 20;

const cache = new MemoryCache<readonly Picture[]>(DEFAULT_BUDGET, (pictures) =>
  pictures.reduce((sum, picture) => sum + picture.byteLength, 0),
);

/** Sets how many bytes of pictures this thread keeps; what is over it is read again when needed. */
export function setPictureBudget(bytes: number): void {
  cache.setBudget(bytes);
}

/** What `make` gave for `key`, this time or before. */
export function cachedPictures(
  key: string,
  make: () => Promise<readonly Picture[]>,
): Promise<readonly Picture[]> {
  return cache.get(key, make);
}
