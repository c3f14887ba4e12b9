import type { ErrorRow } from './row.ts';

/** What can be wrong with MGH, NRRD and MetaImage files, and with volumes of any format when they are put together. */
export const VOLUME_ERRORS = {
  NF_VOLUME_FORMAT: {
    exit: 4,
    message: '{file} is no volume by its name.',
    hint: 'Volumes are read from .nii, .nii.gz, .hdr with .img, .mgh, .mgz, .nrrd, .nhdr, .mha and .mhd files.',
  },
  NF_VOLUME_HEADER: {
    exit: 4,
    message: '{file} has a header that cannot be used: {what}.',
    hint: 'Copy the file again from its source, or convert it to .nii.gz with the program that wrote it.',
  },
  NF_VOLUME_UNSUPPORTED: {
    exit: 4,
    message: '{file} has {what}, which are not read.',
    hint: 'Convert the image to .nii.gz with the program that wrote it.',
  },
  NF_VOLUME_SERIES: {
    exit: 4,
    message: '{file} holds a series of volumes, {shape}, not one.',
    hint: 'Give one volume of the series, or its mean.',
  },
  NF_VOLUME_TOO_LARGE: {
    exit: 4,
    message: '{file} promises voxels that need {bytes|byte|bytes}; at most {most} are read.',
    hint: 'Downsample the image, or copy it again from its source if its header is damaged.',
  },
  NF_VOLUME_ORIENTATION: {
    exit: 4,
    message: '{file} does not say where right and left are.',
    hint: 'Write it again with its orientation, as .nii.gz or as NRRD with `space` and `space directions`.',
  },
  NF_VOLUME_DATA: {
    exit: 4,
    message: '{file} holds {what}.',
    hint: 'The file is cut off or damaged: copy it again from its source.',
  },
  NF_VOLUME_DATA_FILE: {
    exit: 4,
    message: 'The file of voxels that {file} names is missing.',
    hint: 'Put it beside the header, under the name that stands there.',
  },
  NF_VOLUME_NOT_FINITE: {
    exit: 4,
    message:
      '{file} holds voxels that are NaN, infinite or too large for float32, the first at position {at}.',
    hint: 'Replace them in the program that wrote the image.',
  },
  NF_FIGSHARE: {
    exit: 4,
    message: '{file} is no slice of the brain tumour set of figshare: it has {what}.',
    hint: 'Give the .mat files of the set as they are published; convert other MATLAB data to .nii.gz.',
  },
  NF_VOLUME_BLANK: {
    exit: 4,
    message: 'The {name} image shows nothing: its voxels do not differ.',
    hint: 'Copy the file again from its source, or leave it out.',
  },
  NF_VOLUME_GRID: {
    exit: 4,
    message: 'The images are not on one grid: {name} has {difference}.',
    hint: 'Resample the images and the mask of one examination to one grid.',
  },
  NF_VOLUME_MASK_VALUE: {
    exit: 4,
    message: 'The mask holds {value}; values of a mask are whole numbers from 0 to 255.',
    hint: 'Give the mask itself, not an image or a map of probabilities.',
  },
} as const satisfies Record<string, ErrorRow>;
