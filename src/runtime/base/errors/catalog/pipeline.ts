import type { ErrorRow } from './row.ts';

/** Failures of `preprocess volumes`. */
export const PIPELINE_ERRORS = {
  NF_PIPELINE_YAML: {
    exit: 4,
    message: 'The pipeline is no YAML that can be read: {reason}',
    hint: 'Correct the line that is named.',
  },
  NF_PIPELINE: {
    exit: 4,
    message: 'The pipeline does not fit: {faults}.',
    hint: 'Correct the line that is named; docs/volumes.md has the steps and their options.',
  },
  NF_SCALE_JSON: {
    exit: 4,
    message: 'The scale of intensities is no JSON that can be read: {reason}',
    hint: "Take the file as 'neuroflare preprocess scale' wrote it.",
  },
  NF_SCALE: {
    exit: 4,
    message: 'The file is no scale of intensities: {faults}.',
    hint: "Take the file as 'neuroflare preprocess scale' wrote it, of this version.",
  },
  NF_SCALE_AFTER: {
    exit: 4,
    message: 'The scale was fitted to images after {wanted}; here it comes after {found}.',
    hint: "Put the same steps before it, or fit another: 'neuroflare preprocess scale' takes the pipeline and does the steps before.",
  },
  NF_REGISTER_TEMPLATE: {
    exit: 4,
    message:
      'The template {file} shows no head: its voxels do not differ, it is flat, or it is wider than a metre.',
    hint: 'Name a volume of a head, in NIfTI, MGH, NRRD or MetaImage.',
  },
  NF_REGISTER_UNLIKE: {
    exit: 4,
    message: '{file} does not fit the template {template}: {reason}.',
    hint: 'Look at both: is it a head, whole, and without its skull where the template is? --skip-bad leaves it out.',
  },
  NF_PREPARE_BLANK: {
    exit: 4,
    message: '{file} shows no head: its voxels do not differ, or none is left.',
    hint: 'Look at the image; leave it out with --skip-bad, or leave out the steps that look for the head: docs/volumes.md names them.',
  },
  NF_PREPARE_CONTRAST: {
    exit: 4,
    message: 'The scale {method} is one of T1w images, and {file} is of another contrast, {suffix}.',
    hint: 'Use the z-score or percentiles, which are found in each image.',
  },
  NF_PREPARE_LABELS: {
    exit: 4,
    message: 'The mask {file} {problem}.',
    hint: 'Look at it beside its image; a mask that is not wanted is left behind when it is taken out of the derivatives.',
  },
  NF_PREPARE_FLAT: {
    exit: 4,
    message: '{file} is a picture and no volume: its shape is {shape}.',
    hint: 'Volumes have at least two voxels along each axis; pictures are trained on as they are.',
  },
  NF_PREPARE_LARGE: {
    exit: 4,
    message:
      'The grid of {file} would be {shape} after the step {step}; at most {most|voxel|voxels} fit, and {side} along one axis.',
    hint: 'Look at the voxel sizes that its header says. If they are right, have the pipeline ask for larger voxels, or for fewer of them.',
  },
  NF_PREPARE_TWICE: {
    exit: 4,
    message:
      '{first} and {second} would be prepared into one file: what tells them apart has no place in its name.',
    hint: 'Choose one of them by --filter, for example --filter space= for images without a space.',
  },
  NF_PREPARE_NONE: {
    exit: 4,
    message: 'There is no image in {path} that can be prepared.',
    hint: 'Images lie under sub-<label>/anat or sub-<label>/ses-<label>/anat and are named *_T1w.nii or .nii.gz.',
  },
} as const satisfies Record<string, ErrorRow>;
