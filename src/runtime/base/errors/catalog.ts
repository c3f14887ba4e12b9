import { CHECK_ERRORS } from './catalog/check.ts';
import { ENGINE_ERRORS } from './catalog/engine.ts';
import { EVALUATION_ERRORS } from './catalog/evaluation.ts';
import { FEDERATION_ERRORS } from './catalog/federation.ts';
import { GENERAL_ERRORS } from './catalog/general.ts';
import { JOB_ERRORS } from './catalog/job.ts';
import { MACHINE_ERRORS } from './catalog/machine.ts';
import { NETWORK_ERRORS } from './catalog/network.ts';
import { NIFTI_ERRORS } from './catalog/nifti.ts';
import { PREPROCESS_ERRORS } from './catalog/preprocess.ts';
import { REQUEST_ERRORS } from './catalog/request.ts';
import type { ErrorRow } from './catalog/row.ts';
import { RUN_ERRORS } from './catalog/run.ts';
import { SECURITY_ERRORS } from './catalog/security.ts';
import { SITE_ERRORS } from './catalog/site.ts';
import { STORE_ERRORS } from './catalog/store.ts';
import { TENSOR_ERRORS } from './catalog/tensors.ts';
import { TRAIN_ERRORS } from './catalog/train.ts';

/** Every failure neuroflare can name; docs/errors.md is generated from it and a test holds the two together. */
export const ERROR_CATALOG = {
  ...CHECK_ERRORS,
  ...ENGINE_ERRORS,
  ...EVALUATION_ERRORS,
  ...FEDERATION_ERRORS,
  ...GENERAL_ERRORS,
  ...RUN_ERRORS,
  ...JOB_ERRORS,
  ...MACHINE_ERRORS,
  ...NETWORK_ERRORS,
  ...NIFTI_ERRORS,
  ...PREPROCESS_ERRORS,
  ...REQUEST_ERRORS,
  ...SECURITY_ERRORS,
  ...SITE_ERRORS,
  ...STORE_ERRORS,
  ...TENSOR_ERRORS,
  ...TRAIN_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CATALOG;
