import type { z } from 'zod';

/** How far the answers of sites are from what those received, over all arrays of floats; an array that a site does not send is not moved. */
export interface Norms {
  /** What each answer counts so far, in site order. */
  readonly weights: readonly number[];
  /** Of each answer the sum of its squared differences. */
  readonly squares: readonly number[];
  /** The same of the sum of all differences times their weights. */
  readonly squareOfSum: number;
}

/** How answers lie to one another: the products of any two answers' differences, summed over all arrays of floats. */
export interface Products {
  readonly weights: readonly number[];
  /** By two answers, in site order; in the diagonal are the squares. */
  readonly products: readonly Float64Array[];
}

/**
 * How the answers of many sites become one, in place of their mean by examples. It works with part of an array at a time, so memory
 * follows neither the number of sites nor the size of the model. One of these is its way:
 *
 * - `combine`: what becomes of all sites' values of one number, such as their median.
 * - `weighByNorms`, `weighByProducts`: what each answer counts, from a first pass over all of them; the mean, or the sum of the
 *   differences, is taken in a second. To choose some sites is to give the others nothing: they are not read again. Products take the square of the number of
 *   sites in time.
 */
export interface Aggregator<Options extends object = object> {
  /** What the run's log calls it by; no two have the same. */
  readonly name: string;
  readonly options: z.ZodType<Options>;
  /**
   * What its weights are of, where it weighs answers. differences: the base, with the sites' differences times their weights added, so that
   * an array counts as not moved by a site that does not send it, as in norms and products. Default: as the reducer says
   */
  readonly of?: 'differences';
  /** Answers without which it is not what it says. Default: 1 */
  leastAnswers?(options: Options): number;
  /**
   * @param values of each answer in site order, in float64
   * @param out as long as each of them
   */
  combine?(values: readonly Float64Array[], out: Float64Array, options: Options): void;
  /** In site order; none is negative. */
  weighByNorms?(norms: Norms, options: Options): readonly number[];
  weighByProducts?(products: Products, options: Options): readonly number[];
}

/** An aggregator and what was said of it. */
export interface Aggregation {
  readonly aggregator: Aggregator;
  readonly options: object;
}
