import { CHECK_ERRORS } from './catalog/check.ts';
import { DEFACE_ERRORS } from './catalog/deface.ts';
import { DICOM_ERRORS } from './catalog/dicom.ts';
import { NIFTI_ERRORS } from './catalog/nifti.ts';
import { PIPELINE_ERRORS } from './catalog/pipeline.ts';
import { PREPROCESS_ERRORS } from './catalog/preprocess.ts';
import { QUALITY_ERRORS } from './catalog/quality.ts';
import type { SITE_ERRORS } from './catalog/site.ts';
import { TRAIN_ERRORS } from './catalog/train.ts';
import { VOLUME_ERRORS } from './catalog/volume.ts';
import type { ErrorCode } from './catalog.ts';

/** Of those about models and training: they name participants, classes and values of the data set. */
const OF_TRAINING = /^NF_(?:CHANNEL|DATA)_|^NF_TRAIN_(?:CLASSES|SCORE)$/;

/** Of those of a site: it counts people. */
const OF_SITES = ['NF_HARMONISE_FEW'] as const satisfies (keyof typeof SITE_ERRORS)[];

const ABOUT_DATA: ReadonlySet<string> = new Set<string>([
  ...OF_SITES,
  ...Object.keys({
    ...CHECK_ERRORS,
    ...DEFACE_ERRORS,
    ...DICOM_ERRORS,
    ...NIFTI_ERRORS,
    ...PIPELINE_ERRORS,
    ...PREPROCESS_ERRORS,
    ...QUALITY_ERRORS,
    ...VOLUME_ERRORS,
  }),
  ...Object.keys(TRAIN_ERRORS).filter((code) => OF_TRAINING.test(code)),
]);

/** Whether the words that are filled into an error's message may be those of images, tables and names of a data set. */
export function isAboutData(code: ErrorCode): boolean {
  return ABOUT_DATA.has(code);
}
