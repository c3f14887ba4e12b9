/** What the name of an image says: BIDS 1.11, "Filesystem structure": `sub-01_ses-1_run-2_T1w.nii.gz`. */
export interface ImageName {
  /** Values by the short names of the entities; `sub` is `01`, not `sub-01`. */
  readonly entities: ReadonlyMap<string, string>;
  readonly suffix: string;
}

const IMAGE = /^(sub-.*)_([0-9A-Za-z]+)\.nii(\.gz)?$/;

/** Undefined for a file that is no image of a subject. Parts that are no `entity-value` are passed over. */
export function parseImageName(file: string): ImageName | undefined {
  const [, stem = '', suffix] = IMAGE.exec(file) ?? [];
  if (suffix === undefined) return undefined;
  const pairs = stem.split('_').flatMap((part): [string, string][] => {
    const at = part.indexOf('-');
    return at < 1 ? [] : [[part.slice(0, at), part.slice(at + 1)]];
  });
  return { entities: new Map(pairs), suffix };
}
