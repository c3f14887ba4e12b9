/** One site's update on disk, and how much it counts. */
export interface Contribution {
  readonly site: string;
  /** Absolute path of a safetensors file. */
  readonly path: string;
  readonly weight: number;
  /** FULL: the update is a whole model; DIFF: the difference to the base. */
  readonly paramsType: 'FULL' | 'DIFF';
}

export interface AggregationRequest {
  /** In site order; the order in which numbers are added up. */
  readonly contributions: readonly Contribution[];
  /** Absolute path of the model the sites received. */
  readonly base: string;
  /** Where the new model goes; written whole or not at all. */
  readonly target: string;
}

/** What a workflow calls an aggregator by. */
export type AggregatorName = 'weighted_mean';

/**
 * Makes one model out of many, with memory that follows neither the number of sites nor the size of the model.
 * Returns the SHA-256 of the file it wrote.
 */
export type Aggregator = (request: AggregationRequest) => Promise<string>;
