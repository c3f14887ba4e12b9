import { relative } from 'node:path';

/** A path as people read it: from the current folder if it lies inside, else as it is. */
export function shownPath(path: string): string {
  const shorter = relative(process.cwd(), path);
  return shorter.startsWith('..') ? path : shorter;
}
