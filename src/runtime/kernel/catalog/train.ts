import type { ErrorRow } from './row.ts';

/** Failures of models, data sets and training at a site. */
export const TRAIN_ERRORS = {
  NF_TRAIN_METRICS_DIFFER: {
    exit: 1,
    message: 'Sites count different classes: [{expected}] and [{actual}].',
    hint: 'List the classes under model.classes of the job, so that every site uses the same ones in the same order.',
  },
  NF_MODEL_UNKNOWN: {
    exit: 4,
    message: "Unknown model type '{type}'.{nearest}",
    hint: 'Use one of: {known}.',
  },
  NF_MODEL_KEY: {
    exit: 4,
    message: "Unknown key '{key}' in the model of type '{type}'.{nearest}",
    hint: 'Use keys among: {known}.',
  },
  NF_MODEL_INVALID: {
    exit: 4,
    message: 'Wrong model: {problem}.',
    hint: 'Correct it in the job; a whole one is {type: {type}, image_size: 64, classes: [glioma, meningioma]}.',
  },
  NF_DATA_NOT_SPLIT: {
    exit: 4,
    message:
      "The data set is not split: there is no split.json, and participants.tsv has no column 'partition'.",
    hint: "Make a split with 'neuroflare preprocess split' and name it under data.split of the job.",
  },
  NF_DATA_SITE_UNKNOWN: {
    exit: 4,
    message: "The split has no part for '{site}'.{nearest}",
    hint: "Use one of its sites ({known}), or make a split for as many sites as the job has with 'neuroflare preprocess split'.",
  },
  NF_DATA_PARTITION: {
    exit: 4,
    message: "{participant} has the partition '{value}'.{nearest}",
    hint: 'Write train, validation, test or n/a (not used) in the column.',
  },
  NF_DATA_COLUMN: {
    exit: 4,
    message: "participants.tsv has no column '{column}'.",
    hint: 'Add the column with one class name per subject.',
  },
  NF_DATA_SIDECAR: {
    exit: 4,
    message: 'participants.json is not JSON: {message}',
    hint: 'Correct the file; it describes the columns of participants.tsv.',
  },
  NF_DATA_LABEL_MISSING: {
    exit: 4,
    message: '{participant} has no diagnosis, but is used for training or testing.',
    hint: 'Fill in the diagnosis, or split again, which leaves subjects without one out.',
  },
  NF_DATA_LABEL_UNKNOWN: {
    exit: 4,
    message: "{participant} has the diagnosis '{label}', which is not among the classes.{nearest}",
    hint: 'Correct the diagnosis, or add the class under model.classes of the job (now: {known}).',
  },
  NF_DATA_EMPTY: {
    exit: 4,
    message: '{site} has no training images.',
    hint: 'Split again with fewer sites or a larger --alpha, or take the site out of the job.',
  },
  NF_DATA_IMAGE_TIME: {
    exit: 4,
    message: '{path} is a series of volumes ({shape}), not one.',
    hint: 'Give one 3-D volume a subject; the mean over time is a common choice.',
  },
  NF_DATA_IMAGE_BLANK: {
    exit: 4,
    message: '{path} shows nothing: its voxels do not differ.',
    hint: 'Replace the image, or leave the subject out of the split.',
  },
  NF_DATA_IMAGE_CHANGED: {
    exit: 1,
    message: '{path} changed while it was in use.',
    hint: 'Leave the data set alone while a job runs, and run the job again.',
  },
} as const satisfies Record<string, ErrorRow>;
