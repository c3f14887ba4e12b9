import { z } from 'zod';
import type { NumericArray } from '../base/tensors/nd-array.ts';

/** Part of one array of floats, in float64. */
export interface Slice {
  /** Of the array. */
  readonly name: string;
  /** The model that the sites received. */
  readonly base: NumericArray;
  /** What the reducer steps from. */
  readonly mean: Float64Array;
  /** Read, and left as it shall be kept. */
  readonly state: Readonly<Record<string, Float64Array>>;
  /** The new model; rounded to the array's own type afterwards. */
  readonly out: Float64Array;
}

/**
 * Makes one model out of many. Files are read and written for it slice by slice, in site order, with memory that follows neither the
 * number of sites nor the size of the model; arrays of integers are averaged.
 */
export interface Reducer<Options extends object = object> {
  /** What the run's log calls it by; no two have the same. */
  readonly name: string;
  readonly options: z.ZodType<Options>;
  /** Further files that it reads and writes: of each array of floats one of float64, zeros at first. */
  readonly state?: readonly string[];
  /**
   * What it steps from. mean: of the sites' models, weighted. differences: the base, with the sites' differences times their weights
   * added. Default: mean
   */
  readonly of?: 'mean' | 'differences';
  /** The server's step from there; without one that is the new model. */
  step?(slice: Slice, options: Options): void;
}

/** Of a reducer that has none. */
export const NO_OPTIONS = z.strictObject({});
