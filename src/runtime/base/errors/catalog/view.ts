import type { ErrorRow } from './row.ts';

/** Failures of `preprocess view`. */
export const VIEW_ERRORS = {
  NF_VIEW_TARGET: {
    exit: 4,
    message: '{target} is neither a BIDS data set nor a run in {workspace}.{nearest}',
    hint: 'Give the folder of a BIDS data set, or a run as JOB, JOB/RUN_ID or its folder.',
  },
  NF_VIEW_NO_DATA: {
    exit: 4,
    message: 'The run {run} was not trained on a data set that could be shown.',
    hint: 'Give its images as a BIDS folder with --data.',
  },
  NF_VIEW_NOTHING: {
    exit: 4,
    message: '{path} holds nothing that can be shown.',
    hint: 'NIfTI volumes, PNG and JPEG pictures in folders of subjects are shown; neuroflare preprocess bids makes such a data set.',
  },
  NF_VIEW_PACKAGE: {
    exit: 4,
    message: 'NiiVue, which draws the images, is not there.',
    hint: 'Install neuroflare again.',
  },
  NF_VIEW_REFUSED: {
    exit: 4,
    status: 403,
    message: 'The viewer does not answer this: {reason}.',
    hint: 'Open the address that it printed when it started, as it stands there, in a browser on the same machine.',
  },
  NF_VIEW_UNKNOWN: {
    exit: 4,
    status: 404,
    message: 'The viewer has nothing at this address.',
    hint: 'Load its page again: files may have come or gone since it was opened.',
  },
  NF_VIEW_FILE: {
    exit: 4,
    status: 409,
    message: '{path} is not shown: {reason}.',
    hint: 'Only regular files that lie in the data set or in the run are shown; look at the path.',
  },
} as const satisfies Record<string, ErrorRow>;
