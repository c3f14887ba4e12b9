/** One image to be measured; plain data, so that it can go to another thread. */
export interface QualityTask {
  readonly file: string;
  readonly suffix: string;
  readonly nanToZero: boolean;
  /** Where the map of a series goes, without its ending, and what it is made of, from the root; undefined: none is written. */
  readonly map: { readonly stem: string; readonly source: string } | undefined;
}
