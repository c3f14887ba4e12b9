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
  NF_DEFACE_LESION: {
    exit: 4,
    message: 'The lesion mask has {count|voxel|voxels} where the face would be removed.',
    hint: 'Look at image and mask: where the lesion lies in the face, --no-deface keeps the faces of all volumes; --skip-bad leaves this one out.',
  },
} as const satisfies Record<string, ErrorRow>;
