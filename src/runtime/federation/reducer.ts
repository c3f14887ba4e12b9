import type { z } from 'zod';
import type { NumericArray } from '../base/tensors/nd-array.ts';

/** One site's update on disk, and how much it counts. */
export interface Contribution {
  readonly site: string;
  /** Absolute path of a safetensors file. */
  readonly path: string;
  readonly weight: number;
  /** FULL: the update is a whole model; DIFF: the difference to the base. */
  readonly paramsType: 'FULL' | 'DIFF';
  /** Absolute path of what the site received, where that is not what all did. */
  readonly base?: string;
}

/** Absolute paths of files by their name in a payload: `model`, and the reducer's state. */
export type Paths = Readonly<Record<string, string>>;

export interface ReduceRequest {
  readonly reducer: ReducerName;
  /** Of the reducer. */
  readonly options?: object;
  /** In site order; the order in which numbers are added up. */
  readonly contributions: readonly Contribution[];
  /** What the sites received, and the reducer's state; without that it begins anew. */
  readonly base: Paths & { readonly model: string };
  /** In place of the numbers of the base zeros: only its arrays count. */
  readonly fromZero?: boolean;
  /** Where the new files go: the model and each state; written whole or not at all. */
  readonly targets: Paths & { readonly model: string };
}

/** Part of one array of floats, in float64. */
export interface Slice {
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
export interface Reducer<Options = unknown> {
  readonly options: z.ZodType<Options>;
  /** Further files that it reads and writes: of each array of floats one of float64, zeros at first. */
  readonly state: readonly string[];
  /**
   * What it steps from. mean: of the sites' models, weighted. differences: the base, with the sites' differences times their weights
   * added. Default: mean
   */
  readonly of?: 'mean' | 'differences';
  /** The server's step from there; without one that is the new model. */
  step?(slice: Slice, options: Options): void;
}

/** What a workflow calls a reducer by. */
export type ReducerName = 'weighted_mean' | 'sgd' | 'adam' | 'adagrad' | 'yogi' | 'buffered';
