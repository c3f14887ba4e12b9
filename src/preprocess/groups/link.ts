import type { Link } from './correlate.ts';

/** Stands for the correlation of what is known to be of one patient. */
export const CERTAIN = Number.POSITIVE_INFINITY;

export interface Linked {
  /** For each item the smallest index of its group. */
  readonly rootOf: readonly number[];
  /** Links whose two ends stand in different groups, because joining them would have made a group too large. */
  readonly cut: number;
}

/**
 * Single linkage with a cap: links are taken from the strongest down, and one that would make a group of more than `cap`
 * items is left out, so that chains of weak links do not join strangers; links that are certain have no cap. The result does not depend on the order of the links.
 */
export function linkGroups(count: number, links: readonly Link[], cap: number): Linked {
  const parents = Array.from({ length: count }, (_, index) => index);
  const sizes = new Array<number>(count).fill(1);
  const rootOf = (index: number): number => {
    let root = index;
    while (parents[root] !== root) root = parents[root] as number;
    for (let at = index; at !== root; ) [parents[at], at] = [root, parents[at] as number];
    return root;
  };
  for (const link of links.toSorted((p, q) => q.correlation - p.correlation || p.a - q.a || p.b - q.b)) {
    const [keep, join] = [rootOf(link.a), rootOf(link.b)].sort((a, b) => a - b) as [number, number];
    const size = (sizes[keep] as number) + (sizes[join] as number);
    if (keep === join || (size > cap && link.correlation !== CERTAIN)) continue;
    parents[join] = keep;
    sizes[keep] = size;
  }
  const roots = parents.map((_, index) => rootOf(index));
  return { rootOf: roots, cut: links.filter((link) => roots[link.a] !== roots[link.b]).length };
}
