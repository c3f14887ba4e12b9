import type { ErrorRow } from './row.ts';

/** Failures where faces are taken out of volumes. */
export const DEFACE_ERRORS = {
  NF_DEFACE_HEAD: {
    exit: 4,
    message: 'No face can be taken out of the {name} image: {why}. --no-deface keeps faces.',
    hint: 'Look at the image. Leave it out with --skip-bad; --skull-stripped says of all volumes that only the brain is left.',
  },
  NF_DEFACE_STRIPPED: {
    exit: 4,
    message:
      'The {name} image is said to show the brain alone, but {ml} ml in it are no air, more than any brain has.',
    hint: 'Where heads are in the volumes, leave out --skull-stripped, so that faces are looked for; --no-deface keeps faces.',
  },
  NF_DEFACE_IMAGE: {
    exit: 4,
    message: 'No face can be taken out of {file}: {why}.',
    hint: 'Look at the image. --skip-bad leaves it out, --keep keeps the faces of all images of its suffix.',
  },
  NF_DEFACE_BAD: {
    exit: 4,
    message: '{count|file|files} of a data set of {total|image|images} cannot be used; nothing was written.',
    hint: 'Repair the files listed, leave them out with --skip-bad, or keep the faces of all images of a suffix with --keep.',
  },
  NF_DEFACE_SIDECAR: {
    exit: 4,
    message: '{file} holds no JSON object.',
    hint: 'Correct the file; what it says of its images would be lost.',
  },
  NF_DEFACE_NONE: {
    exit: 4,
    message: '{path} has no image of a subject (.nii, .nii.gz) that can be used.',
    hint: 'Name the root of a BIDS data set: the folder with sub-… folders.',
  },
  NF_DEFACE_KEEP: {
    exit: 2,
    message: 'No image has the suffix {suffix} of --keep.',
    hint: 'The suffix is the last part of a name, as T1w or bold. The images have: {found}.',
  },
  NF_DEFACE_LESION: {
    exit: 4,
    message: 'The lesion mask has {count|voxel|voxels} where the face would be removed.',
    hint: 'Look at image and mask: where the lesion lies in the face, --no-deface keeps the faces of all volumes; --skip-bad leaves this one out.',
  },
} as const satisfies Record<string, ErrorRow>;
