import { f64At, i32At, numberAt, u8At } from '../base/at.ts';
import { type Figure, figureOfSums, type Groups, meanOfShares, type ShareSums } from './figure.ts';
import { vectorsOf } from './gram-vectors.ts';

/**
 * Sums over groups of people, by class, from which recalls, balanced accuracy, accuracy and leads follow with their intervals exactly as from the rows
 * themselves: what `shareOf`, `meanOfShares` and `combineFigures` need of groups are products of counts, added up. No group is at two sites, so
 * sums of sites add up to those of all.
 */

/** Rows of each class. Squares are by class and class: place a * classes + b. */
export interface LabelSums {
  readonly classes: number;
  /** Groups that have rows. */
  readonly people: number;
  readonly rows: readonly number[];
  /** Groups that have rows of the class. */
  readonly groups: readonly number[];
  /** Square: groups that have rows of both. */
  readonly together: readonly number[];
  /** Square: over groups, rows of the one times rows of the other. */
  readonly sizes: readonly number[];
}

/** Rows that somebody tells rightly. */
export interface RightSums {
  readonly right: readonly number[];
  /** Groups with a row of the class that is right; with one that is wrong. */
  readonly some: readonly number[];
  readonly missed: readonly number[];
  /** The same over all classes. */
  readonly any: readonly [some: number, missed: number];
  /** Square: over groups, right rows of the one times right rows of the other. */
  readonly squares: readonly number[];
  /** Square: right rows of the one times rows of the other. */
  readonly products: readonly number[];
  /** Square: right rows of the one times those of the other that the model has right. */
  readonly model: readonly number[];
}

export interface LabelledRows {
  readonly labels: Uint8Array;
  readonly groups: Groups;
  readonly classes: number;
}

/** [groups, classes]: what rows add up to. */
function perGroup({ labels, groups, classes }: LabelledRows, add: (row: number) => number): Float64Array {
  const sums = new Float64Array(groups.count * classes);
  for (let row = 0; row < labels.length; row++) {
    const at = i32At(groups.of, row) * classes + u8At(labels, row);
    sums[at] = f64At(sums, at) + add(row);
  }
  return sums;
}

/** Over groups, what one has of a class times what the other has of a class. */
function productsOf(one: Float64Array, other: Float64Array, classes: number): number[] {
  const sums = new Array<number>(classes * classes).fill(0);
  for (let start = 0; start < one.length; start += classes)
    for (let a = 0; a < classes; a++)
      for (let b = 0; b < classes; b++) {
        const at = a * classes + b;
        sums[at] = numberAt(sums, at) + f64At(one, start + a) * f64At(other, start + b);
      }
  return sums;
}

function perClass(values: Float64Array, classes: number): number[] {
  const sums = new Array<number>(classes).fill(0);
  for (let at = 0; at < values.length; at++)
    sums[at % classes] = numberAt(sums, at % classes) + f64At(values, at);
  return sums;
}

const isThere = (value: number) => (value > 0 ? 1 : 0);

export function labelSums(rows: LabelledRows): LabelSums {
  const { classes, groups } = rows;
  const sizes = perGroup(rows, () => 1);
  const present = sizes.map(isThere);
  return {
    classes,
    people: groups.count,
    rows: perClass(sizes, classes),
    groups: perClass(present, classes),
    together: productsOf(present, present, classes),
    sizes: productsOf(sizes, sizes, classes),
  };
}

/** @param right [rows]: 1 where somebody is right @param model the same of the model itself */
export function rightSums(right: Uint8Array, model: Uint8Array, rows: LabelledRows): RightSums {
  const { classes, groups } = rows;
  const sizes = perGroup(rows, () => 1);
  const own = perGroup(rows, (row) => u8At(right, row));
  const wrong = sizes.map((size, at) => size - f64At(own, at));
  const count = (values: Float64Array) => {
    const all = Array.from({ length: groups.count }, (_, group) =>
      values.subarray(group * classes, (group + 1) * classes).some((value) => value > 0),
    );
    return all.filter(Boolean).length;
  };
  return {
    right: perClass(own, classes),
    some: perClass(own.map(isThere), classes),
    missed: perClass(wrong.map(isThere), classes),
    any: [count(own), count(wrong)],
    squares: productsOf(own, own, classes),
    products: productsOf(own, sizes, classes),
    model: productsOf(
      own,
      perGroup(rows, (row) => u8At(model, row)),
      classes,
    ),
  };
}

function added(lists: readonly (readonly number[])[]): number[] {
  const [first = []] = lists;
  return first.map((_, at) => lists.reduce((sum, one) => sum + numberAt(one, at), 0));
}

/** Of several sites, which have no group in common. */
export function addLabels(sites: readonly LabelSums[]): LabelSums {
  return {
    classes: sites[0]?.classes ?? 0,
    people: sites.reduce((sum, { people }) => sum + people, 0),
    rows: added(sites.map(({ rows }) => rows)),
    groups: added(sites.map(({ groups }) => groups)),
    together: added(sites.map(({ together }) => together)),
    sizes: added(sites.map(({ sizes }) => sizes)),
  };
}

export function addRights(sites: readonly RightSums[]): RightSums {
  const all = (pick: (one: RightSums) => readonly number[]) => added(sites.map(pick));
  const any = all((one) => one.any);
  return {
    right: all(({ right }) => right),
    some: all(({ some }) => some),
    missed: all(({ missed }) => missed),
    any: [any[0] ?? 0, any[1] ?? 0],
    squares: all(({ squares }) => squares),
    products: all(({ products }) => products),
    model: all(({ model }) => model),
  };
}

/** Of somebody, and beside them of the model, in the same vectors: so a lead is paired by group. */
export interface PairedShares {
  readonly own: ClassShares;
  readonly model: ClassShares;
}

export interface ClassShares {
  /** Of each class; null of one without rows. */
  readonly recalls: readonly (Figure | null)[];
  /** Mean of the recalls; null where one is. */
  readonly balanced: Figure | null;
  /** Share of all rows. */
  readonly accuracy: Figure | null;
}

/** @param kept classes that count; default: all */
export function sharesOfSums(
  labels: LabelSums,
  own: RightSums,
  { model = own, kept }: { readonly model?: RightSums; readonly kept?: readonly number[] } = {},
): PairedShares {
  const { classes } = labels;
  const [sizes, ofModel, ofOwn] = inSameVectors(labels, model, own);
  const of = (sums: RightSums, vectors: readonly Float64Array[]): ClassShares => {
    const among = kept ?? Array.from({ length: classes }, (_, label) => label);
    const recalls = among.map((label) => recallOf(label, { labels, sums, sizes, vectors }));
    return {
      recalls,
      balanced: meanOfShares(recalls),
      accuracy: accuracyOf({ labels, sums, sizes, vectors }),
    };
  };
  return { own: of(own, ofOwn), model: of(model, ofModel) };
}

type Vectors = readonly Float64Array[];

/** Vectors whose products are those of the groups: sizes by class, what the model has right, what somebody has. */
function inSameVectors(
  { classes, sizes }: LabelSums,
  model: RightSums,
  own: RightSums,
): readonly [sizes: Vectors, model: Vectors, own: Vectors] {
  const blocks = [
    [sizes, transposed(model.products, classes), transposed(own.products, classes)],
    [model.products, model.squares, transposed(own.model, classes)],
    [own.products, own.model, own.squares],
  ];
  const size = 3 * classes;
  const gram = Float64Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    const block = blocks[Math.floor(row / classes)]?.[Math.floor(column / classes)] ?? [];
    return numberAt(block, (row % classes) * classes + (column % classes));
  });
  const all = vectorsOf(gram, size);
  return [all.slice(0, classes), all.slice(classes, 2 * classes), all.slice(2 * classes)];
}

function transposed(square: readonly number[], size: number): number[] {
  return square.map((_, at) => numberAt(square, (at % size) * size + Math.floor(at / size)));
}

interface Summed {
  readonly labels: LabelSums;
  readonly sums: RightSums;
  readonly sizes: Vectors;
  readonly vectors: Vectors;
}

function recallOf(label: number, { labels, sums, sizes, vectors }: Summed): Figure | null {
  const { classes } = labels;
  const square = label * classes + label;
  const share: ShareSums = {
    rows: numberAt(labels.rows, label),
    groups: numberAt(labels.groups, label),
    holds: numberAt(sums.right, label),
    sizes: numberAt(labels.sizes, square),
    squares: numberAt(sums.squares, square),
    products: numberAt(sums.products, square),
    some: numberAt(sums.some, label),
    missed: numberAt(sums.missed, label),
  };
  // A place for each pair of classes, which a group has that has rows of both.
  const present = Uint8Array.from({ length: classes * classes }, (_, at) => {
    const [one, other] = [Math.floor(at / classes), at % classes];
    const isOf = one === label || other === label;
    return isOf && numberAt(labels.together, at) > 0 ? 1 : 0;
  });
  return figureOfSums(share, {
    present,
    pull: (value) => pulls(vectors[label], sizes[label], { value, rows: share.rows }),
  });
}

function pulls(
  right: Float64Array = new Float64Array(),
  sizes: Float64Array = new Float64Array(),
  { value, rows }: { readonly value: number; readonly rows: number },
): Float64Array {
  return right.map((own, at) => (own - value * f64At(sizes, at)) / rows);
}

/** Of all rows. */
export function accuracySums(labels: LabelSums, sums: RightSums): ShareSums {
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const [some, missed] = sums.any;
  return {
    rows: total(labels.rows),
    groups: labels.people,
    holds: total(sums.right),
    sizes: total(labels.sizes),
    squares: total(sums.squares),
    products: total(sums.products),
    some,
    missed,
  };
}

function accuracyOf({ labels, sums, sizes, vectors }: Summed): Figure | null {
  const share = accuracySums(labels, sums);
  const together = (all: Vectors) =>
    (all[0] ?? new Float64Array()).map((_, at) => all.reduce((sum, one) => sum + f64At(one, at), 0));
  return figureOfSums(share, {
    present: Uint8Array.of(1),
    pull: (value) => pulls(together(vectors), together(sizes), { value, rows: share.rows }),
  });
}
