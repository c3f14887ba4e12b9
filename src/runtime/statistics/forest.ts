import { f64At, i32At, u8At, u32At } from '../base/at.ts';
import { createRandom, type Random } from '../base/random.ts';
import type { Labelled } from './labelled.ts';

export interface ForestOptions {
  /** Default 400. */
  readonly trees?: number;
  readonly seed?: number;
}

/** At this many examples and below, sorting is faster than counting 256 levels. */
const SORTED_BELOW = 48;
const LEVELS = 256;

/**
 * Random forest (Breiman, "Random forests", 2001) on features of one byte: every tree grows to pure leaves on a bootstrap sample, and each
 * split is the best by Gini impurity over the square root of the features' number; the trees' leaf shares are averaged. With bytes
 * every threshold can be tried by counting, so no copy of the data is sorted. Trees are dropped once they have voted.
 *
 * @param data features by column, see `Labelled`
 * @param train rows to learn from
 * @param test rows to score
 * @returns shares [test rows, classes]
 */
export function scoreByForest(
  data: Labelled,
  rows: { readonly train: ArrayLike<number>; readonly test: ArrayLike<number> },
  { trees = 400, seed = 0 }: ForestOptions = {},
): Float64Array {
  const { classes } = data;
  const shares = new Float64Array(rows.test.length * classes);
  const grower = new TreeGrower(data);
  for (let tree = 0; tree < trees; tree++) {
    const random = createRandom('forest', seed, tree);
    const nodes = grower.grow(bootstrap(rows.train, random), random);
    for (let row = 0; row < rows.test.length; row++) {
      const leaf = findLeaf(nodes, data, rows.test[row] as number);
      for (let at = 0; at < classes; at++) {
        shares[row * classes + at] = f64At(shares, row * classes + at) + f64At(leaf, at) / trees;
      }
    }
  }
  return shares;
}

/** A leaf has shares, an inner node a question. */
type Node = { readonly shares: Float64Array } | Question;

interface Question {
  readonly feature: number;
  /** Values up to and including it go left. */
  readonly threshold: number;
  left: number;
  right: number;
}

interface Split {
  readonly feature: number;
  readonly threshold: number;
  readonly score: number;
}

function bootstrap(train: ArrayLike<number>, random: Random): Int32Array {
  return Int32Array.from({ length: train.length }, () => train[random.int(train.length)] as number);
}

function findLeaf(nodes: readonly Node[], { features, rows }: Labelled, row: number): Float64Array {
  for (let node = nodes[0]; node; ) {
    if ('shares' in node) return node.shares;
    const value = u8At(features, node.feature * rows + row);
    node = nodes[value <= node.threshold ? node.left : node.right];
  }
  throw new Error('a tree has a root');
}

/** Grows one tree after another in the same scratch space. */
class TreeGrower {
  readonly #data: Labelled;
  readonly #columns: Int32Array;
  readonly #counts: Int32Array;
  readonly #keys = new Uint32Array(SORTED_BELOW);
  readonly #left: Int32Array;
  #sample: Int32Array = new Int32Array(0);

  constructor(data: Labelled) {
    this.#data = data;
    this.#columns = Int32Array.from({ length: data.features.length / data.rows }, (_, at) => at);
    this.#counts = new Int32Array(LEVELS * data.classes);
    this.#left = new Int32Array(data.classes);
  }

  grow(sample: Int32Array, random: Random): Node[] {
    this.#sample = sample;
    const nodes: Node[] = [];
    const open = [{ from: 0, to: sample.length, attach: (_: number) => {} }];
    for (let range = open.pop(); range; range = open.pop()) {
      const { from, to, attach } = range;
      const counts = this.#count(from, to);
      const split = counts.some((count) => count === to - from)
        ? undefined
        : this.#best(range, counts, random);
      attach(nodes.length);
      if (!split) {
        nodes.push({ shares: Float64Array.from(counts, (count) => count / (to - from)) });
        continue;
      }
      const node: Question = { feature: split.feature, threshold: split.threshold, left: 0, right: 0 };
      nodes.push(node);
      const middle = this.#part(from, to, split);
      open.push({
        from: middle,
        to,
        attach: (at) => {
          node.right = at;
        },
      });
      open.push({
        from,
        to: middle,
        attach: (at) => {
          node.left = at;
        },
      });
    }
    return nodes;
  }

  #count(from: number, to: number): Int32Array {
    const { labels, classes } = this.#data;
    const counts = new Int32Array(classes);
    for (let at = from; at < to; at++) {
      const label = u8At(labels, i32At(this.#sample, at));
      counts[label] = i32At(counts, label) + 1;
    }
    return counts;
  }

  /** The best of sqrt(features) drawn at random; constant ones do not count until nothing else is left. */
  #best(range: { from: number; to: number }, total: Int32Array, random: Random): Split | undefined {
    const columns = this.#columns;
    const wanted = Math.max(1, Math.floor(Math.sqrt(columns.length)));
    let best: Split | undefined;
    for (let drawn = 0; drawn < columns.length && (drawn < wanted || !best); drawn++) {
      const pick = drawn + random.int(columns.length - drawn);
      const feature = i32At(columns, pick);
      columns[pick] = i32At(columns, drawn);
      columns[drawn] = feature;
      const few = range.to - range.from <= SORTED_BELOW;
      const found = few ? this.#trySorted(feature, range, total) : this.#tryCounted(feature, range, total);
      if (found && (!best || found.score > best.score)) best = found;
    }
    return best;
  }

  #tryCounted(feature: number, { from, to }: { from: number; to: number }, total: Int32Array) {
    const { features, rows, labels, classes } = this.#data;
    const counts = this.#counts.fill(0);
    const base = feature * rows;
    let [lowest, highest] = [LEVELS, -1];
    for (let at = from; at < to; at++) {
      const row = i32At(this.#sample, at);
      const value = u8At(features, base + row);
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
      const cell = value * classes + u8At(labels, row);
      counts[cell] = i32At(counts, cell) + 1;
    }
    const scan = new Scan(total, this.#left.fill(0), to - from);
    let previous = lowest;
    for (let value = lowest; value <= highest; value++) {
      const cell = value * classes;
      let here = 0;
      for (let label = 0; label < classes; label++) here += i32At(counts, cell + label);
      if (here === 0) continue;
      if (value > lowest) scan.tryBetween(previous, value);
      for (let label = 0; label < classes; label++) scan.move(label, i32At(counts, cell + label));
      previous = value;
    }
    return scan.split(feature);
  }

  #trySorted(feature: number, { from, to }: { from: number; to: number }, total: Int32Array) {
    const { features, rows, labels, classes } = this.#data;
    const keys = this.#keys;
    const base = feature * rows;
    for (let at = from; at < to; at++) {
      const row = i32At(this.#sample, at);
      const key = u8At(features, base + row) * classes + u8At(labels, row);
      let place = at - from;
      for (; place > 0 && u32At(keys, place - 1) > key; place--) keys[place] = u32At(keys, place - 1);
      keys[place] = key;
    }
    const scan = new Scan(total, this.#left.fill(0), to - from);
    let previous = Math.floor(u32At(keys, 0) / classes);
    for (let at = 0; at < to - from; at++) {
      const value = Math.floor(u32At(keys, at) / classes);
      if (value > previous) scan.tryBetween(previous, value);
      scan.move(u32At(keys, at) - value * classes, 1);
      previous = value;
    }
    return scan.split(feature);
  }

  /** Reorders the range so that what goes left comes first; returns where the right side begins. */
  #part(from: number, to: number, { feature, threshold }: Split): number {
    const { features, rows } = this.#data;
    const sample = this.#sample;
    let middle = from;
    for (let at = from; at < to; at++) {
      const row = i32At(sample, at);
      if (u8At(features, feature * rows + row) > threshold) continue;
      sample[at] = i32At(sample, middle);
      sample[middle++] = row;
    }
    return middle;
  }
}

/** Walks along the values of one feature and remembers where the parts are purest. */
class Scan {
  readonly #total: Int32Array;
  readonly #left: Int32Array;
  readonly #all: number;
  #moved = 0;
  #score = -1;
  #threshold = -1;

  constructor(total: Int32Array, left: Int32Array, all: number) {
    this.#total = total;
    this.#left = left;
    this.#all = all;
  }

  move(label: number, count: number): void {
    this.#left[label] = i32At(this.#left, label) + count;
    this.#moved += count;
  }

  /** Least weighted Gini impurity is the greatest sum of squared counts over the parts' sizes. */
  tryBetween(previous: number, value: number): void {
    let [left, right] = [0, 0];
    for (let label = 0; label < this.#total.length; label++) {
      const here = i32At(this.#left, label);
      const there = i32At(this.#total, label) - here;
      left += here * here;
      right += there * there;
    }
    const score = left / this.#moved + right / (this.#all - this.#moved);
    if (score <= this.#score) return;
    this.#score = score;
    this.#threshold = (previous + value) / 2;
  }

  split(feature: number): Split | undefined {
    return this.#score < 0 ? undefined : { feature, threshold: this.#threshold, score: this.#score };
  }
}
