import { z } from 'zod';
import { ANSWER_LIMITS } from '../base/limits.ts';
import { isShare, isWithinShares } from './shares.ts';

/**
 * What a site adds to the figures over all sites: sums and counts, which are added element by element, and never means. Who adds them
 * need not know what they count.
 */

const { examples, magnitude, figure_name, names, values } = ANSWER_LIMITS;
const number = z.number().min(-magnitude.most).max(magnitude.most);
const count = z.int().min(0).max(examples.most);
const name = z.string().max(figure_name.most);
const listed = <Item extends z.ZodType>(item: Item) => z.array(item).max(values.most).readonly();
const named = <Item extends z.ZodType>(item: Item) =>
  z
    .record(name, item)
    .refine((map) => Object.keys(map).length <= names.most, { error: `has more than ${names.most} names` })
    .readonly();

/** A figure as `sum / weight`: undefined where the weight is 0. */
const weighted = z
  .strictObject({ sum: z.number(), weight: z.number().min(0).max(magnitude.most) })
  .refine(({ sum, weight }) => Math.abs(sum) <= magnitude.most * weight * (1 + 1e-9), {
    error: `is over ${magnitude.most} times its weight`,
  })
  .readonly();
export type Weighted = z.output<typeof weighted>;

const countedSchema = z
  .strictObject({
    examples: count.describe('that are counted'),
    alike: named(listed(z.string())).describe('lists that all sites must have alike: `classes`'),
    means: named(weighted).describe('over these examples: `loss`, `accuracy`'),
    groups: named(
      z.strictObject({
        over: name.describe('list whose names the groups have'),
        sums: listed(count),
        weights: listed(count),
      }),
    ).describe('shares of groups, in the order of their names: `recall` over `classes`'),
    macro: named(name).describe(
      'figures that are the mean over such groups: `balanced_accuracy` of `recall`',
    ),
    tables: named(listed(listed(count))).describe('counts that are added one by one: `confusion`'),
  })
  .superRefine((counted, { addIssue }) => {
    for (const message of contradictions(counted)) addIssue({ code: 'custom', message });
  })
  .readonly();
/** Figures that come from counts of the same examples. Sites that count something else are not added to one another. */
export type Counted = z.output<typeof countedSchema>;

export const statisticsSchema = z
  .strictObject({
    means: named(weighted).describe('of figures that a script gives as numbers'),
    totals: named(number).describe('figures that are added as they are: `num_examples`'),
    counted: countedSchema.exactOptional(),
  })
  .superRefine((statistics, { addIssue }) => {
    for (const figure of namedTwice(statistics))
      addIssue({ code: 'custom', message: `${figure} is said twice` });
  })
  .readonly();
export type Statistics = z.output<typeof statisticsSchema>;

/** Figures are told apart by their names alone: one of two with the same name would stand in the place of the other. */
function namedTwice({ means, totals, counted }: Named): Set<string> {
  const { num_examples: _, ...others } = totals;
  const kinds = [
    means,
    others,
    counted?.alike,
    counted?.means,
    counted?.groups,
    counted?.macro,
    counted?.tables,
  ];
  const all = [...RESERVED, ...kinds.flatMap((kind) => Object.keys(kind ?? {}))];
  return new Set(all.filter((figure, at) => all.indexOf(figure) !== at));
}

/** What the report over all sites has of its own. */
const RESERVED = ['num_examples', 'undefined_because'];

interface Named {
  readonly means: object;
  readonly totals: Readonly<Record<string, number>>;
  readonly counted?:
    | (Omit<Countable, 'examples'> & { readonly tables: Readonly<Record<string, unknown>> })
    | undefined;
}

/** Whoever makes up sums must not drown those of others by them. */
function* contradictions({ examples: all, alike, means, groups, macro }: Countable): Iterable<string> {
  for (const [figure, { sum, weight }] of Object.entries(means)) {
    if (weight > all) yield `${figure} is over more examples than are counted`;
    if (isShare(figure) && weight > 0 && !isWithinShares(sum / weight)) yield `${figure} is no share`;
  }
  for (const [figure, { over, sums, weights }] of Object.entries(groups)) {
    const size = alike[over]?.length;
    if (sums.length !== size || weights.length !== size) yield `${figure} has other groups than ${over}`;
    if (weights.some((weight, at) => weight < (sums[at] ?? 0) || weight > all)) yield `${figure} is no share`;
  }
  for (const [figure, of] of Object.entries(macro))
    if (!Object.hasOwn(groups, of)) yield `${figure} is of ${of}, which is not counted`;
}

interface Countable {
  readonly examples: number;
  readonly alike: Readonly<Record<string, readonly string[]>>;
  readonly means: Readonly<Record<string, Weighted>>;
  readonly groups: Readonly<
    Record<
      string,
      { readonly over: string; readonly sums: readonly number[]; readonly weights: readonly number[] }
    >
  >;
  readonly macro: Readonly<Record<string, string>>;
}
