import type { ErrorRow } from './row.ts';

/** Failures of `evaluate`, `predict`, `report` and baselines. */
export const EVALUATION_ERRORS = {
  NF_PREDICT_SITE: {
    exit: 4,
    message: "The run has no effects of a site '{site}'.{nearest}",
    hint: 'Name one of its sites by --site ({known}), or leave the flag out: then the landmarks alone are used.',
  },
  NF_EVALUATE_NO_MODEL: {
    exit: 4,
    message: 'The run {run} has no {which} model yet: it is {status}.',
    hint: 'Let the run finish (neuroflare simulate JOB --resume), or give a model file.',
  },
  NF_EVALUATE_NOT_TOLD: {
    exit: 4,
    message: 'The sites of the run {run} told nothing of test images of theirs: it is {status}.',
    hint: 'Have them judge its model: workflow.final_evaluation: true in a job that trains, or a job of the workflow evaluation (neuroflare job evaluate).',
  },
  NF_EVALUATE_NETWORK: {
    exit: 4,
    message: 'It is not known which network the parameters in {file} belong to.',
    hint: 'Give the job that trained it with --job; its model must name a type, such as mri-cnn.',
  },
  NF_EVALUATE_CLASSES: {
    exit: 4,
    message: 'The model does not name its classes.',
    hint: 'Add model.classes to the job, in the order of the outputs.',
  },
  NF_EVALUATE_NO_DATA: {
    exit: 4,
    message: 'Which data to evaluate on is not said.',
    hint: 'Give a BIDS folder with --data, and the split of it with --split.',
  },
  NF_EVALUATE_EMPTY: {
    exit: 4,
    message: 'The {part} part of {root} has no subjects.',
    hint: 'Choose another part with --part, or make a split with one: neuroflare preprocess split.',
  },
  NF_EVALUATE_LEAK: {
    exit: 4,
    message:
      '{count|subject to be evaluated on was trained on, or belongs|subjects to be evaluated on were trained on, or belong} to a group or picture that was; the first is {participant}.',
    hint: "Evaluate on the run's own split, or on data that the model has not seen.",
  },
  NF_PREDICT_INPUT: {
    exit: 4,
    message: '{path} cannot be predicted: {reason}.',
    hint: 'Give volumes (NIfTI, MGH, NRRD, MetaImage), JPEG or PNG files, or folders of BIDS data sets; of DICOM files preprocess bids makes one.',
  },
  NF_PREDICT_CHANNELS: {
    exit: 4,
    message: 'The model was trained on one image each of {channels}. Given: {given}.',
    hint: 'Give one file of each, of one subject and in this order; files with names of BIDS for several subjects; or a folder in BIDS.',
  },
  NF_PREDICT_PICTURE: {
    exit: 4,
    message: 'The picture {path} cannot be used: {reason}, {detail}.',
    hint: 'Give a grey JPEG or PNG of one slice.',
  },
  NF_RECORD_INVALID: {
    exit: 1,
    message: 'The run record {path} cannot be relied on: {reason}.',
    hint: "Ask whoever published it for the one they wrote; 'neuroflare report RUN' makes it anew from the run.",
  },
  NF_COMPARE_NOT_JUDGED: {
    exit: 4,
    message: 'The run {run} was not judged yet.',
    hint: 'Evaluate both runs first: neuroflare evaluate RUN.',
  },
  NF_COMPARE_SUBJECTS: {
    exit: 4,
    message: 'The two evaluations have no subject in common, so they cannot be compared.',
    hint: 'Evaluate both models on the same data and split.',
  },
  NF_BASELINES_UNKNOWN: {
    exit: 4,
    message: "There is no baseline '{name}'.{nearest}",
    hint: 'Known: {known}.',
  },
  NF_BASELINES_SPLIT: {
    exit: 4,
    message: 'Baselines need a split of the data: {reason}.',
    hint: "Make one with 'neuroflare preprocess split' and name it in the job as data.split.",
  },
  NF_EVALUATE_FILE: {
    exit: 4,
    message: '{path} is no evaluation of this version: {detail}.',
    hint: "Make it again with 'neuroflare evaluate'.",
  },
} as const satisfies Record<string, ErrorRow>;
