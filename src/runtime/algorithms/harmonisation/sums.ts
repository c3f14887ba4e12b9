import { z } from 'zod';
import { numberAt } from '../../base/at.ts';
import { sum } from '../../base/sum.ts';
import { capWeights } from '../cap-weights.ts';
import type { EffectSums } from './combat.ts';
import { landmarkSumsSchema, pictureFormSchema } from './record.ts';

/** What sites tell of their pictures before the first training. Sums that no pictures have are none: they would decide for all sites. */

/** White. */
const MOST_GREY = 255;
/** Where the last landmark of every image lies on a scale. */
const MOST_OF_SCALE = 100;
/** Sums of numbers that are not whole differ by rounding. */
const ROUNDING = 1e-9;

/** Of a class; a site tells of no class of one image. */
const images = z.int().min(2).max(1e9);
/** Whole numbers add up to the same in any order. */
const whole = z.array(z.int().nonnegative()).max(1000);

/** The answer to `harmonise.scale`. */
export const scaleAnswer = z
  .strictObject({ form: pictureFormSchema, ...landmarkSumsSchema.shape, images })
  .refine(({ images: count, sums }) => {
    const slack = ROUNDING * MOST_OF_SCALE * count;
    const rises = sums.every((own, at) => own >= (sums[at - 1] ?? 0) - slack);
    return rises && (sums.at(-1) ?? 0) <= MOST_OF_SCALE * count + slack;
  });

/** The answer to `harmonise.effects`: landmarks in greys, added up. */
export const effectsAnswer = z
  .strictObject({
    form: pictureFormSchema,
    classes: z
      .array(z.strictObject({ images, sums: whole }).nullable())
      .describe('null of a class of too few people, as of one that the site does not have'),
    squares: whole,
  })
  .refine(({ classes, squares }) => {
    const told = classes.flatMap((one) => one ?? []);
    const areGreys = told.every(({ images: count, sums }) => sums.every((own) => own <= MOST_GREY * count));
    return told.length > 0 && areGreys && squares.every((square, at) => isOfGreys(square, told, at));
  });
export type EffectsAnswer = z.output<typeof effectsAnswer>;

/** Whether greys with such sums can have such a sum of squares: no less than if each class had one grey, no more than if all were black or white. */
function isOfGreys(
  square: number,
  told: readonly { readonly images: number; readonly sums: readonly number[] }[],
  at: number,
): boolean {
  const sums = told.map((one) => one.sums[at] ?? 0);
  const least = sum(sums.map((own, index) => own ** 2 / (told[index]?.images ?? 1)));
  return square >= least * (1 - ROUNDING) && square <= MOST_GREY * sum(sums);
}

/** What is bounded of a site's sums. */
interface Bounding {
  /** workflow.max_weight_ratio */
  readonly ratio: number;
  readonly sites: readonly string[];
}

interface Told {
  readonly images: number;
  readonly sums: readonly number[];
}

/** As if no site had more than so many times the images of the one in the middle, for it says itself how many it has. */
export function boundedScale(given: readonly Told[], bounding: Bounding) {
  const { shares, notes } = sharesOf(
    given.map(({ images: count }) => count),
    bounding,
  );
  const parts = given.map(({ images: count, sums }, at) => {
    const share = numberAt(shares, at);
    return { images: count * share, sums: sums.map((own) => own * share) };
  });
  return { parts, notes };
}

/** As `boundedScale`. */
export function boundedEffects(given: readonly EffectSums[], bounding: Bounding) {
  const { shares, notes } = sharesOf(
    given.map(({ pictures }) => sum(pictures)),
    bounding,
  );
  const parts = given.map(({ site, pictures, sums, squares }, at): EffectSums => {
    const times = (all: readonly number[]) => all.map((one) => one * numberAt(shares, at));
    return { site, pictures: times(pictures), sums: sums.map(times), squares: times(squares) };
  });
  return { parts, notes };
}

function sharesOf(counts: readonly number[], { ratio, sites }: Bounding) {
  const capped = capWeights(counts, ratio);
  const shares = capped.map((weight, at) => weight / numberAt(counts, at));
  const notes = counts.flatMap((count, at) =>
    numberAt(shares, at) === 1
      ? []
      : [
          `${sites[at]} gives sums over ${count} images: they count as over ${numberAt(capped, at)}, ${ratio} times the median of the others (workflow.max_weight_ratio)`,
        ],
  );
  return { shares, notes };
}
