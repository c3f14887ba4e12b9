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
  /** Its name. */
  readonly reducer: string;
  /** Of the reducer. */
  readonly options?: object;
  /** How answers become what it steps from, by its name; default: by their weights. */
  readonly aggregation?: { readonly aggregator: string; readonly options: object };
  /**
   * Secure aggregation: sums are made of whole numbers on a grid, and weights are shares of all weight. The mean of the differences is multiplied by
   * this where a reducer steps from differences.
   */
  readonly ring?: {
    readonly total: number;
    /** Of sources that are masked words, what takes the masks off their sum; without this they are updates. Keys in hex, for another thread. */
    readonly masks?: readonly { readonly key: string; readonly sign: 1 | -1 }[];
    /** Words of the masks that files before these have used up. */
    readonly start?: number;
  };
  /** In site order; the order in which numbers are added up. */
  readonly contributions: readonly Contribution[];
  /** What the sites received, and the reducer's state; without that it begins anew. */
  readonly base: Paths & { readonly model: string };
  /** In place of the numbers of the base zeros: only its arrays count. */
  readonly fromZero?: boolean;
  /** Where the new files go: the model and each state; written whole or not at all. */
  readonly targets: Paths & { readonly model: string };
}
