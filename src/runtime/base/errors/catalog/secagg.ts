import type { ErrorRow } from './row.ts';

/** Secure aggregation: sums of updates of which none is looked at. */
export const SECAGG_ERRORS = {
  NF_SECAGG_SITES: {
    exit: 4,
    message: 'The updates of these sites cannot be summed up in secret: {reason}.',
    hint: 'Let from {least} to {most|site|sites} take part in a round (n_clients, clients_per_round), and set secure_aggregation.min_sites within that.',
  },
  NF_SECAGG_THRESHOLD: {
    exit: 4,
    message:
      'secure_aggregation.threshold {threshold} does not fit a round of {sites|site|sites}: it must be from {least} to {most}.',
    hint: 'Leave it out for {usual}; a lower one takes more drop-outs, a higher one more sites that work together with the server.',
  },
  NF_SECAGG_TOO_FEW: {
    exit: 4,
    message: 'A round may close with {clients}, and it takes {needed} to open its sum.',
    hint: 'Set workflow.min_clients to {needed} or more, or lower secure_aggregation.threshold and min_sites.',
  },
  NF_SECAGG_NEEDS_EACH: {
    exit: 4,
    message: '{key} ({value}) does not go with secure_aggregation: {why}.',
    hint: "Change what is named, or leave secure_aggregation out; 'neuroflare job validate JOB --explain' shows what goes with it.",
  },
  NF_SECAGG_RANGE: {
    exit: 1,
    message:
      "An update of {site} cannot be summed up in secret: '{name}' differs by {value} at index {index}, and ±{range} is the most.",
    hint: 'Lower the learning rate, or clip updates (task_result_filters): nothing is cut off in silence.',
  },
  NF_SECAGG_ARRAYS: {
    exit: 1,
    message: "{site} sends no '{name}', which others send: a sum in secret needs the same arrays of all.",
    hint: 'Let the script send all arrays, or name those that stay at the sites in workflow.local_tensors.',
  },
  NF_SECAGG_PEER: {
    exit: 1,
    message: '{peer} cannot be in a sum with this site: {reason}.',
    hint: 'The site sends nothing of this round. Ask the site named, and whoever runs the server, what they see.',
  },
  NF_SECAGG_SESSION: {
    exit: 1,
    message: 'This site takes no part in a sum in secret: {reason}.',
    hint: 'The site sends nothing of this round. A server that works as it should asks for nothing like that: ask whoever runs it.',
  },
  NF_SECAGG_CONSISTENCY: {
    exit: 1,
    message: 'Sites were told different things of whose updates are in a sum: {reason}.',
    hint: 'The sum was not opened. A server that works as it should asks for nothing like that: ask whoever runs it.',
  },
  NF_SECAGG_NETWORK: {
    exit: 4,
    status: 400,
    message: 'The job asks for secure_aggregation, which this version has in `simulate` alone.',
    hint: 'Leave secure_aggregation out to submit the job: its updates are then seen by the server.',
  },
} as const satisfies Record<string, ErrorRow>;
