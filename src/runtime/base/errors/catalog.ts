import { ADMIN_ERRORS } from './catalog/admin.ts';
import { CHECK_ERRORS } from './catalog/check.ts';
import { CLIENT_ERRORS } from './catalog/client.ts';
import { DASHBOARD_ERRORS } from './catalog/dashboard.ts';
import { DEFACE_ERRORS } from './catalog/deface.ts';
import { DICOM_ERRORS } from './catalog/dicom.ts';
import { ENGINE_ERRORS } from './catalog/engine.ts';
import { EVALUATION_ERRORS } from './catalog/evaluation.ts';
import { EXPERIMENT_ERRORS } from './catalog/experiment.ts';
import { FEDERATION_ERRORS } from './catalog/federation.ts';
import { GENERAL_ERRORS } from './catalog/general.ts';
import { JOB_ERRORS } from './catalog/job.ts';
import { MACHINE_ERRORS } from './catalog/machine.ts';
import { NETWORK_ERRORS } from './catalog/network.ts';
import { NIFTI_ERRORS } from './catalog/nifti.ts';
import { PIPELINE_ERRORS } from './catalog/pipeline.ts';
import { POC_ERRORS } from './catalog/poc.ts';
import { PREPROCESS_ERRORS } from './catalog/preprocess.ts';
import { PRIVACY_ERRORS } from './catalog/privacy.ts';
import { PYTHON_ERRORS } from './catalog/python.ts';
import { QUALITY_ERRORS } from './catalog/quality.ts';
import { QUEUE_ERRORS } from './catalog/queue.ts';
import type { ErrorRow } from './catalog/row.ts';
import { RUN_ERRORS } from './catalog/run.ts';
import { SECAGG_ERRORS } from './catalog/secagg.ts';
import { SECURITY_ERRORS } from './catalog/security.ts';
import { SERVER_JOBS_ERRORS } from './catalog/server-jobs.ts';
import { SERVER_REQUESTS_ERRORS } from './catalog/server-requests.ts';
import { SERVER_SESSIONS_ERRORS } from './catalog/server-sessions.ts';
import { SIMULATOR_ERRORS } from './catalog/simulator.ts';
import { SITE_ERRORS } from './catalog/site.ts';
import { STORE_ERRORS } from './catalog/store.ts';
import { TENSOR_ERRORS } from './catalog/tensors.ts';
import { TRAIN_ERRORS } from './catalog/train.ts';
import { VIEW_ERRORS } from './catalog/view.ts';
import { VOLUME_ERRORS } from './catalog/volume.ts';

/** Every failure neuroflare can name; docs/errors.md is generated from it and a test holds the two together. */
export const ERROR_CATALOG = {
  ...ADMIN_ERRORS,
  ...CHECK_ERRORS,
  ...CLIENT_ERRORS,
  ...DEFACE_ERRORS,
  ...DICOM_ERRORS,
  ...PIPELINE_ERRORS,
  ...ENGINE_ERRORS,
  ...EVALUATION_ERRORS,
  ...EXPERIMENT_ERRORS,
  ...FEDERATION_ERRORS,
  ...GENERAL_ERRORS,
  ...JOB_ERRORS,
  ...MACHINE_ERRORS,
  ...NETWORK_ERRORS,
  ...NIFTI_ERRORS,
  ...POC_ERRORS,
  ...PREPROCESS_ERRORS,
  ...PRIVACY_ERRORS,
  ...PYTHON_ERRORS,
  ...QUALITY_ERRORS,
  ...QUEUE_ERRORS,
  ...RUN_ERRORS,
  ...SECAGG_ERRORS,
  ...SECURITY_ERRORS,
  ...SERVER_JOBS_ERRORS,
  ...SERVER_REQUESTS_ERRORS,
  ...SERVER_SESSIONS_ERRORS,
  ...SIMULATOR_ERRORS,
  ...SITE_ERRORS,
  ...STORE_ERRORS,
  ...TENSOR_ERRORS,
  ...TRAIN_ERRORS,
  ...VIEW_ERRORS,
  ...DASHBOARD_ERRORS,
  ...VOLUME_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CATALOG;
