/** A square as a network sees it: grey, 0 black to 255 white, row by row. */
export type Picture = Uint8Array;

interface Entry {
  readonly made: Promise<readonly Picture[]>;
  /** 0 until it is made. */
  bytes: number;
}

/** 256 MiB hold 65 000 pictures of 64 x 64 pixels. */
const DEFAULT_BUDGET = 256 * 2 ** 20;

/** Least recently used first. */
const entries = new Map<string, Entry>();
let budget = DEFAULT_BUDGET;
let used = 0;

/** Sets how many bytes of pictures this thread keeps; what is over it is read again when needed. */
export function setPictureBudget(bytes: number): void {
  budget = bytes;
  evict();
}

/**
 * What `make` gave for `key`, this time or before. A site's script runs anew for every task, in a thread that lives on:
 * from the second task on the images are already here. The least recently used go first when the budget is full.
 */
export function cachedPictures(
  key: string,
  make: () => Promise<readonly Picture[]>,
): Promise<readonly Picture[]> {
  const known = entries.get(key);
  if (known) {
    entries.delete(key);
    entries.set(key, known);
    return known.made;
  }
  const entry: Entry = { made: make(), bytes: 0 };
  entries.set(key, entry);
  entry.made.then(
    (pictures) => count(entry, pictures),
    () => entries.delete(key),
  );
  return entry.made;
}

function count(entry: Entry, pictures: readonly Picture[]): void {
  entry.bytes = pictures.reduce((sum, picture) => sum + picture.byteLength, 0);
  used += entry.bytes;
  evict();
}

function evict(): void {
  for (const [key, { bytes }] of entries) {
    if (used <= budget) return;
    if (bytes === 0) continue;
    used -= bytes;
    entries.delete(key);
  }
}
