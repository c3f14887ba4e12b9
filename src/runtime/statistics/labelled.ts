/** Examples with a class each, for the small classifiers of this room. */
export interface Labelled {
  /** By column: feature f of row r is at f * rows + r. */
  readonly features: Uint8Array;
  readonly rows: number;
  /** Class of each row, 0 to classes - 1. */
  readonly labels: Uint8Array;
  readonly classes: number;
}

/** Which rows are learnt from, and which are scored. */
export interface Fold {
  readonly train: ArrayLike<number>;
  readonly test: ArrayLike<number>;
}
