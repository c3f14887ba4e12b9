import { createRandom } from '../../base/random.ts';
import type { Fold } from '../../statistics/labelled.ts';

interface Item {
  readonly group: string;
  readonly label: number;
}

/**
 * Folds that keep groups whole and classes even: the groups of each class, large ones first and equal ones in random order, go to the
 * fold that has fewest of the class. A group counts for the class of its first image.
 */
export function groupedFolds(items: readonly Item[], count: number, seed: number): Fold[] {
  const random = createRandom('folds', seed);
  const groups = [...Map.groupBy(items.keys(), (row) => items[row]?.group).values()];
  random.shuffle(groups).sort((a, b) => b.length - a.length);
  const filled = new Map<number, number[]>();
  const tests = Array.from({ length: count }, () => [] as number[]);
  for (const rows of groups) {
    const label = items[rows[0] ?? 0]?.label ?? 0;
    const sizes = filled.get(label) ?? new Array<number>(count).fill(0);
    filled.set(label, sizes);
    const least = Math.min(...sizes);
    const equal = [...sizes.keys()].filter((fold) => sizes[fold] === least);
    const fold = equal.reduce((best, at) =>
      (tests[at]?.length ?? 0) < (tests[best]?.length ?? 0) ? at : best,
    );
    tests[fold]?.push(...rows);
    sizes[fold] = least + rows.length;
  }
  return tests.map((test) => {
    const own = new Set(test);
    return { test: test.sort((a, b) => a - b), train: [...items.keys()].filter((row) => !own.has(row)) };
  });
}
