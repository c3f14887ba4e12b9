import { z } from 'zod';
import { numberAt } from '../base/at.ts';
import type { LabelSums, RightSums } from './class-sums.ts';
import { SHARE_SUMS, type ShareSums } from './figure.ts';
import { MOMENTS, type MomentSums } from './mean-moments.ts';
import { CURVE_POINTS } from './temperature-curve.ts';

/**
 * What leaves a site when it judges a model on its own test images: sums over people of classes of which it has as many as it may tell of. Of
 * squares by class and class the diagonal is told, and beside it pairs of classes of which somebody has images of both.
 */

const MOST = 10_000;
const count = z.int().min(0).max(1e15);
const counts = z.array(count).max(MOST);
const number = z.number().min(-1e15).max(1e15);
const numbers = z.array(number).max(MOST);
const name = z.string().min(1).max(200);

const labelsSchema = z.strictObject({
  rows: counts.describe('images of each class'),
  groups: counts.describe('people of each class'),
  sizes: counts.describe('over people, squares of their images of the class'),
  pairs: z
    .array(z.tuple([count, count, count, count]))
    .max(MOST)
    .describe(
      'of two classes: people who have images of both, and over people images of the one times the other',
    ),
});

/** right, some, missed, any, squares, products, model, and of the pairs five numbers each. */
const rightSchema = z.array(counts).length(8);

const binsSchema = z
  .array(z.tuple([count, number, count]))
  .max(100)
  .describe('images, sum of their confidence, and how many are right, in the order of confidence');

const rankingSchema = z.strictObject({
  areas: z.array(z.number().min(0).max(1).nullable()).max(MOST).describe('under the ROC of each class'),
  alone: numbers.describe('of each class: variance if every image were of somebody else'),
  against: counts.describe('of each class: people who pull the area to the other side of the middle'),
  pulls: numbers.describe('by class and class: over people, products of what each adds to the errors'),
});

export const PRESENCE = [
  'sensitivity',
  'specificity',
  'positive_predictive_value',
  'negative_predictive_value',
] as const;
export type PresenceName = (typeof PRESENCE)[number];

export const siteEvaluationSchema = z.strictObject({
  version: z.literal(1),
  withheld: z
    .array(name)
    .max(MOST)
    .describe('classes of which the site has fewer people than it may tell of'),
  people: count,
  trained_on: count.nullable().describe('images in training; null: of too few people'),
  labels: labelsSchema,
  confusion: z.array(counts).max(MOST).describe('truth by row, predicted by column'),
  right: z
    .record(name, rightSchema)
    .describe('of the model, of it on masked pictures, and of controls of the site'),
  presence: z.partialRecord(z.enum(PRESENCE), counts.length(SHARE_SUMS.length)).nullable(),
  losses: z.record(name, numbers.length(MOMENTS.length)),
  bins: binsSchema,
  bins_calibrated: binsSchema.nullable(),
  ranking: rankingSchema,
  temperature: z.number().min(0).max(100).nullable(),
});
export type SiteEvaluation = z.output<typeof siteEvaluationSchema>;

/** What a site tells of its validation images, for a temperature that fits those of all sites. */
export const siteCurveSchema = z.strictObject({
  images: count,
  losses: numbers.length(CURVE_POINTS).describe('summed over them, at each temperature'),
});
export type SiteCurve = z.output<typeof siteCurveSchema>;

/** Digits of a sum that leaves the site. */
const DIGITS = 10;

export function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

/** Pairs of classes of which somebody has images of both. */
function pairsOf({ classes, together }: LabelSums): [number, number][] {
  const all = Array.from({ length: classes * classes }, (_, at): [number, number] => [
    Math.floor(at / classes),
    at % classes,
  ]);
  return all.filter(([one, other]) => one < other && numberAt(together, one * classes + other) > 0);
}

function diagonal(square: readonly number[], classes: number): number[] {
  return Array.from({ length: classes }, (_, label) => numberAt(square, label * classes + label));
}

export function tellLabels(labels: LabelSums): SiteEvaluation['labels'] {
  const { classes, rows, groups, sizes, together } = labels;
  return {
    rows: [...rows],
    groups: [...groups],
    sizes: diagonal(sizes, classes),
    pairs: pairsOf(labels).map(([one, other]) => {
      const at = one * classes + other;
      return [one, other, numberAt(together, at), numberAt(sizes, at)];
    }),
  };
}

export function tellRight(sums: RightSums, labels: LabelSums): number[][] {
  const { classes } = labels;
  const { right, some, missed, any, squares, products, model } = sums;
  const pairs = pairsOf(labels).flatMap(([one, other]) => {
    const [there, back] = [one * classes + other, other * classes + one];
    return [
      numberAt(squares, there),
      numberAt(products, there),
      numberAt(products, back),
      numberAt(model, there),
      numberAt(model, back),
    ];
  });
  const own = [squares, products, model].map((square) => diagonal(square, classes));
  return [[...right], [...some], [...missed], [...any], ...own, pairs];
}

/** Undefined: no rows have such sums. */
export function readLabels(
  { labels: { rows, groups, sizes, pairs }, people }: Pick<SiteEvaluation, 'labels' | 'people'>,
  classes: number,
): LabelSums | undefined {
  const isWhole = [rows, groups, sizes].every((list) => list.length === classes);
  if (!isWhole || pairs.some(([one, other]) => one >= other || other >= classes)) return undefined;
  const square = (own: readonly number[], at: 2 | 3) =>
    squareOf(
      own,
      pairs.map((pair) => [pair[0], pair[1], pair[at], pair[at]]),
      classes,
    );
  return { classes, people, rows, groups, together: square(groups, 2), sizes: square(sizes, 3) };
}

/** Undefined: no rows have such sums. */
export function readRight(
  [
    right = [],
    some = [],
    missed = [],
    any = [],
    squares = [],
    products = [],
    model = [],
    rest = [],
  ]: readonly number[][],
  { pairs }: SiteEvaluation['labels'],
  classes: number,
): RightSums | undefined {
  const lists = [right, some, missed, squares, products, model];
  if (lists.some((list) => list.length !== classes) || any.length !== 2 || rest.length !== 5 * pairs.length)
    return undefined;
  const square = (own: readonly number[], there: number, back: number) =>
    squareOf(
      own,
      pairs.map(([one, other], at) => [
        one,
        other,
        numberAt(rest, 5 * at + there),
        numberAt(rest, 5 * at + back),
      ]),
      classes,
    );
  return {
    right,
    some,
    missed,
    any: [numberAt(any, 0), numberAt(any, 1)],
    squares: square(squares, 0, 0),
    products: square(products, 1, 2),
    model: square(model, 3, 4),
  };
}

function squareOf(
  own: readonly number[],
  pairs: readonly (readonly [one: number, other: number, there: number, back: number])[],
  classes: number,
): number[] {
  const square = new Array<number>(classes * classes).fill(0);
  for (const [label, value] of own.entries()) square[label * classes + label] = value;
  for (const [one, other, there, back] of pairs) {
    square[one * classes + other] = there;
    square[other * classes + one] = back;
  }
  return square;
}

export function tellShare(sums: ShareSums): number[] {
  return SHARE_SUMS.map((name) => sums[name]);
}

/** Of several sites, which have no group in common. */
export function readShares(told: readonly (readonly number[])[]): ShareSums {
  const sums = SHARE_SUMS.map(
    (name, at) => [name, told.reduce((all, own) => all + numberAt(own, at), 0)] as const,
  );
  return Object.fromEntries(sums) as Record<(typeof SHARE_SUMS)[number], number>;
}

export function tellMoments(sums: MomentSums): number[] {
  return MOMENTS.map((moment) => rounded(sums[moment]));
}

export function readMoments(told: readonly number[]): MomentSums {
  const sums = MOMENTS.map((moment, at) => [moment, numberAt(told, at)] as const);
  return Object.fromEntries(sums) as Record<(typeof MOMENTS)[number], number>;
}
