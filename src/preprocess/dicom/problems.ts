/** `refused`: the series is not converted; `warning`: it is, and people should know. */
type Weight = 'refused' | 'warning';

/** What can be wrong with a series, and what to do about it. Nothing in these texts comes from a file. */
export const PROBLEMS = {
  not_an_image: [
    'refused',
    'holds no pictures (a report, PDF, spectrum or raw data)',
    'leave it out of the map',
  ],
  not_mr: [
    'refused',
    'is no MR image (CT, PET, X-ray, ultrasound)',
    'BIDS for brain MRI has no place for it',
  ],
  secondary_capture: [
    'refused',
    'was captured from a screen or a page',
    'take the series that it was made from',
  ],
  burnt_in: [
    'refused',
    'says that patient data are drawn into its pictures',
    'take the series without annotations',
  ],
  colour: ['refused', 'has colour pictures', 'take the series that it was made from'],
  localizer: ['refused', 'is a localizer: its slices lie in several planes', 'leave it out of the map'],
  no_pixels: ['refused', 'has files without pixels', 'send the series from the archive again'],
  pixels_short: [
    'refused',
    'has files that end before their pixels do',
    'send the series from the archive again',
  ],
  no_spacing: ['refused', 'does not say the size of its pixels, or says 0', 'ask for the original images'],
  no_position: ['refused', 'does not say where its slices lie', 'ask for the original images'],
  missing_slices: ['refused', 'lacks slices', 'send the series from the archive again'],
  doubled_slices: [
    'refused',
    'has slices twice that differ',
    'find out which of them are meant, and take the others away',
  ],
  copies_differ: [
    'refused',
    'has two different files under one instance UID',
    'send the series from the archive again',
  ],
  mixed_geometry: [
    'refused',
    'has slices of different matrix, spacing or orientation',
    'ask the archive for the series apart',
  ],
  mixed_patients: [
    'refused',
    'belongs to more than one person by its patient ids, birth dates or sexes',
    'correct the patient ids at the archive',
  ],
  syntax: ['refused', 'is compressed in a way that is not read', 'send it from the archive uncompressed'],
  compressed_frames: [
    'refused',
    'has several frames in a file that are compressed by JPEG 2000, JPEG-LS or JPEG, which dcm2niix confuses',
    'send it from the archive uncompressed',
  ],
  too_large: ['refused', 'is larger than one conversion may be', 'ask the archive for it in parts'],
  not_converted: ['refused', 'was not understood by dcm2niix', 'look at the series with another program'],
  several_images: [
    'refused',
    'became several images that no entity tells apart',
    'divide the series at the archive',
  ],
  not_three_axes: [
    'refused',
    'became a series of volumes, where one volume is wanted',
    'use a suffix of func or dwi, or another series',
  ],
  not_four_axes: [
    'refused',
    'became one volume, where a series of volumes is wanted',
    'use the suffix sbref',
  ],
  no_gradients: [
    'refused',
    'has no gradient directions, which dwi needs',
    'use the suffix sbref, or ask for the original images',
  ],
  no_head: [
    'refused',
    'shows no head in which a face can be found',
    "look at it; 'deface: false' in its rule keeps it as it is",
  ],
  head_cut: [
    'refused',
    'is cut off at the lower front of the brain, so it cannot be said where the face begins',
    "look at it; 'deface: false' in its rule keeps it as it is",
  ],
  copies: ['warning', 'has files that are there twice; one of each is used', 'nothing has to be done'],
  uneven_spacing: ['warning', 'has slices at uneven distances', 'look at the result'],
  no_patient_id: [
    'warning',
    'has no patient id: its study counts as a subject of its own',
    'fill in the patient ids at the archive',
  ],
  lossy: ['warning', 'was compressed with loss', 'ask for the original images where grey levels matter'],
  late_start: [
    'warning',
    'does not begin with image number 1: slices may be missing at its ends',
    'compare the count with the archive',
  ],
} as const satisfies Record<string, readonly [Weight, string, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface Problem {
  readonly code: ProblemCode;
  /** Files or slices that it is about. */
  readonly count: number;
}

export function isRefused({ code }: Problem): boolean {
  return PROBLEMS[code][0] === 'refused';
}
