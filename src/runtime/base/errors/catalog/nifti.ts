import type { ErrorRow } from './row.ts';

/** What can be wrong with a NIfTI file; every row names the file as its place. */
export const NIFTI_ERRORS = {
  NF_NIFTI_NOT_A_FILE: {
    exit: 4,
    message: '{file} is not a regular file.',
    hint: 'Give the path of a .nii or .nii.gz file.',
  },
  NF_NIFTI_EMPTY: {
    exit: 4,
    message: '{file} is empty (0 bytes).',
    hint: 'Copy the file again from its source, or remove it from the data set.',
  },
  NF_NIFTI_NOT_GZIP: {
    exit: 4,
    message: '{file} is named .gz but is not gzip: it starts with {found}.',
    hint: '{advice}',
  },
  NF_NIFTI_FOREIGN: {
    exit: 4,
    message: '{file} is no NIfTI image: it is {format}.',
    hint: '{advice}',
  },
  NF_NIFTI_UNEXPECTED_GZIP: {
    exit: 4,
    message: '{file} is gzip-compressed but its name does not end in .gz.',
    hint: 'Rename the file to end in .nii.gz.',
  },
  NF_NIFTI_GZIP_NESTED: {
    exit: 4,
    message: '{file} was compressed twice: the gzip holds another gzip.',
    hint: 'Decompress the file once.',
  },
  NF_NIFTI_GZIP_TRUNCATED: {
    exit: 4,
    message: '{file} ends in the middle of its gzip stream.',
    hint: 'The file is cut off: copy it again from its source.',
  },
  NF_NIFTI_GZIP_CHECKSUM: {
    exit: 4,
    message: '{file} has a wrong gzip {what}: its content is damaged.',
    hint: 'Copy the file again from its source.',
  },
  NF_NIFTI_GZIP_TRAILING: {
    exit: 4,
    message: '{file} has bytes after the end of its gzip stream that belong to no gzip member.',
    hint: 'Copy the file again from its source, or decompress and compress it again.',
  },
  NF_NIFTI_GZIP_INVALID: {
    exit: 4,
    message: '{file} cannot be decompressed: {reason}.',
    hint: 'Copy the file again from its source.',
  },
  NF_NIFTI_HEADER_SHORT: {
    exit: 4,
    message: '{file} holds {bytes|byte|bytes}; a NIfTI header needs 352, of version 2 544.',
    hint: 'The file is cut off or no NIfTI image: copy it again from its source.',
  },
  NF_NIFTI_MAGIC: {
    exit: 4,
    message: '{file} is not a NIfTI file: {found}.',
    hint: 'Convert the image to NIfTI (.nii or .nii.gz), for example with dcm2niix.',
  },
  NF_NIFTI_PAIR: {
    exit: 4,
    message: '{file} is, or lacks, one half of a .hdr/.img pair.',
    hint: 'Put both halves beside one another under one name and give the .hdr, or convert the pair to one .nii.gz file.',
  },
  NF_NIFTI_ANALYZE: {
    exit: 4,
    message: '{file} is Analyze 7.5, which does not say where right and left are.',
    hint: 'Write the image again as .nii.gz with the program that made it, and look whether right and left are as they should.',
  },
  NF_NIFTI_DIMENSIONS: {
    exit: 4,
    message: '{file} has impossible dimensions: {what}.',
    hint: 'The header is damaged: copy or convert the file again.',
  },
  NF_NIFTI_MEMORY: {
    exit: 1,
    message: '{file} needs {megabytes} MB of memory to be read, and this machine has not so much for it now.',
    hint: 'End what else runs here, raise the limit of this process, work on fewer sites at once (--threads), or downsample the image.',
  },
  NF_NIFTI_TOO_LARGE: {
    exit: 4,
    message:
      '{file} says it holds {voxels|voxel|voxels}, {bytes|byte|bytes} in memory; at most {most} are read.',
    hint: 'Check the header; split or downsample the image if it is really that large.',
  },
  NF_NIFTI_DATATYPE: {
    exit: 4,
    message: '{file} holds {name} voxels, which cannot be read as one number each.',
    hint: 'Convert the image to a real-valued type such as int16 or float32.',
  },
  NF_NIFTI_BITPIX: {
    exit: 4,
    message: '{file} says {bitpix|bit|bits} a voxel, but its data type {name} has {expected}.',
    hint: 'The header is damaged: copy or convert the file again.',
  },
  NF_NIFTI_OFFSET: {
    exit: 4,
    message:
      '{file} places its voxels at byte {offset}; that must be a whole number from 352 to the end of the file.',
    hint: 'The header is damaged: copy or convert the file again.',
  },
  NF_NIFTI_EXTENSION: {
    exit: 4,
    message: '{file} has a header extension of impossible size {size} at byte {at}.',
    hint: 'The header is damaged: copy or convert the file again.',
  },
  NF_NIFTI_DATA_SHORT: {
    exit: 4,
    message: '{file} holds {found|byte|bytes} of voxels; its header promises {expected}.',
    hint: 'The file is cut off: copy it again from its source.',
  },
  NF_NIFTI_DATA_LONG: {
    exit: 4,
    message: '{file} goes on after the {expected|byte|bytes} of voxels that its header promises.',
    hint: 'The header and the data disagree: copy or convert the file again.',
  },
  NF_NIFTI_SCALING: {
    exit: 4,
    message: '{file} has an unusable scaling: slope {slope}, intercept {intercept}.',
    hint: 'Write finite scl_slope and scl_inter, or 0 for no scaling.',
  },
  NF_NIFTI_AFFINE: {
    exit: 4,
    message: '{file} has no usable position in space: its {source} {what}.',
    hint: 'Write a valid sform or qform, or convert the image again from its DICOM files.',
  },
  NF_NIFTI_NOT_FINITE: {
    exit: 4,
    message:
      '{file} holds {count|voxel that is|voxels that are} NaN or infinite, the first at index {first}.',
    hint: 'Replace them by finite values, for example 0 outside the head.',
  },
  NF_NIFTI_RANGE: {
    exit: 4,
    message:
      '{file} holds {count|voxel|voxels} of numbers too large for float32 (over 3.4e38), the first at index {first}.',
    hint: 'Divide the values, or replace those that stand for nothing, for example by 0 outside the head.',
  },
} as const satisfies Record<string, ErrorRow>;
