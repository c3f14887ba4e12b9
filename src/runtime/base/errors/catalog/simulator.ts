import type { ErrorRow } from './row.ts';

/** Simulations. */
export const SIMULATOR_ERRORS = {
  NF_SIMULATE_MAX_CLIENTS: {
    exit: 4,
    message: 'The job has {clients|site|sites}, more than the {max} allowed.',
    hint: 'Raise the limit with --max-clients if that many are meant.',
  },
  NF_SIMULATE_NO_SPLIT: {
    exit: 4,
    message: 'All {sites|site|sites} would work on the same images: the job has data, but no split.',
    hint: "Make a split with 'neuroflare preprocess split' and name it under data.split, or simulate one site (-n 1).",
  },
} as const satisfies Record<string, ErrorRow>;
