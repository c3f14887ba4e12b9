import { GENERAL_ERRORS } from './catalog/general.ts';
import { JOB_ERRORS } from './catalog/job.ts';
import { PREPROCESS_ERRORS } from './catalog/preprocess.ts';
import type { ErrorRow } from './catalog/row.ts';
import { TENSOR_ERRORS } from './catalog/tensors.ts';
import { TRAIN_ERRORS } from './catalog/train.ts';

/** Every failure neuroflare can name; docs/errors.md is generated from it and a test holds the two together. */
export const ERROR_CATALOG = {
  ...GENERAL_ERRORS,
  ...JOB_ERRORS,
  ...PREPROCESS_ERRORS,
  ...TENSOR_ERRORS,
  ...TRAIN_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CATALOG;
