/** Folder of the derivative with masks of what was removed. */
export const DEFACING = 'derivatives/defacing';

/** How faces are removed, for DeidentificationMethod; the end of a sentence that has no full stop. */
export const REMOVAL =
  'all voxels in front of and below planes 10 mm under the brain have the least value of the image (after Quickshear, Schimke and Hale 2011)';

/** In the root of a derivative with masks of what was removed. */
export const DEFACING_README = `Masks of what was removed with the faces in the images of the data set two folders up: 1 where a voxel was given the least value of its
image, 0 in all others. A mask has straight borders and shows no face. Look at it over its image: all of the brain lies outside.
`;

/** What each mask says; for a data set with a sidecar for all of them. */
export const FACE_MASK_SIDECAR = {
  Type: 'Face',
  Description: 'Voxels that were removed: all that lie in front of and below the brain, air as well.',
  SpatialReference: 'orig',
} as const;
