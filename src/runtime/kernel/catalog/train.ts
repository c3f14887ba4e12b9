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
} as const satisfies Record<string, ErrorRow>;
