import type { ErrorRow } from './row.ts';

/** Failures of `preprocess bids` and `preprocess split`, and of reading what they wrote. */
export const PREPROCESS_ERRORS = {
  NF_BIDS_NOT_A_DATASET: {
    exit: 4,
    message: 'No BIDS data set at {path}: {missing} is missing.',
    hint: "Give the folder that holds dataset_description.json, or make one with 'neuroflare preprocess bids'.",
  },
  NF_BIDS_PARTICIPANTS: {
    exit: 4,
    message: 'participants.tsv is not usable: {detail}.',
    hint: 'Correct the line of the table that is named, or make the data set again.',
  },
  NF_BIDS_IMAGE_MISSING: {
    exit: 4,
    message: 'No T1w image of {participant} under {path}.',
    hint: 'Add the image as <participant>/anat/*_T1w.nii.gz, or remove the row from participants.tsv.',
  },
  NF_BIDS_IMAGE_OUTSIDE: {
    exit: 4,
    message: 'The image {path} of {participant} is a link to a place outside the data set.',
    hint: 'Copy the image into the data set; links may only lead to files inside it.',
  },
  NF_SPLIT_MALFORMED: {
    exit: 4,
    message: 'Not a split made by neuroflare: {detail}.',
    hint: "Make the file again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_HASH: {
    exit: 4,
    message: 'The split was changed after it was made: its SHA-256 is {actual}, the file says {expected}.',
    hint: "Make the split again with 'neuroflare preprocess split' instead of editing the file.",
  },
  NF_SPLIT_DATASET_CHANGED: {
    exit: 4,
    message:
      'The split was made for another participants.tsv: the SHA-256 of this one is {actual}, the split says {expected}.',
    hint: "Use the data set that the split was made for, or make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_PARTICIPANT_UNKNOWN: {
    exit: 4,
    message: 'The split names {participant}, which participants.tsv lacks.{nearest}',
    hint: "Make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_PARTICIPANT_TWICE: {
    exit: 4,
    message: '{participant} stands twice in the split: in {first} and in {second}.',
    hint: "Make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_GROUP_CROSSES: {
    exit: 4,
    message:
      'Group {group} stands on two sides of the split: {one} in {first}, {other} in {second}. Images of one group may be of one patient.',
    hint: "Make the split again with 'neuroflare preprocess split', which keeps groups whole.",
  },
  NF_SPLIT_SET_ASIDE: {
    exit: 4,
    message: '{participant} is set aside ({reason}) in participants.tsv but used in {place}.',
    hint: "Make the split again with 'neuroflare preprocess split', which leaves such images out.",
  },
  NF_SPLIT_TRAIN_EMPTY: {
    exit: 4,
    message: '{site} has no training images in the split.',
    hint: 'Ask for fewer sites, a larger --alpha, or smaller --validation and --test.',
  },
} as const satisfies Record<string, ErrorRow>;
