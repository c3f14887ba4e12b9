/** Voxels that are judged as one: a label, or several together as the whole tumour of BraTS is. */
export interface LabelRegion {
  readonly name: string;
  readonly labels: readonly number[];
}

/** One region a label, by their names in the order of the labels from 1. */
export function regionsOf(names: readonly string[]): LabelRegion[] {
  return names.map((name, at) => ({ name, labels: [at + 1] }));
}
