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
  NF_SECAGG_POLICY: {
    exit: 1,
    message:
      "This site takes no part in '{job}': {reason} (secure_aggregation of its local/site-policy.yml).",
    hint: 'Set secure_aggregation in the job as the site asks for it, or ask the owner of the site.',
  },
  NF_PEERS_INVALID: {
    exit: 4,
    message: 'The keys of other sites in {path} cannot be read: {reason}.',
    hint: "Move the file away and approve them again with 'neuroflare client peers approve'; until then this site is in no sum.",
  },
  NF_PEER_UNKNOWN: {
    exit: 4,
    message: "'{site}' cannot be approved: {reason}. {known}",
    hint: "'neuroflare client peers list KIT' shows the keys that were seen. Give --key with all 64 digits, as the other site's own list shows them, to approve one before it was seen.",
  },
  NF_SECAGG_ANSWER: {
    exit: 1,
    message: "What {site} has sent for a sum in secret ('{file}') is of no use: {reason}.",
    hint: 'The site is left out of the sum of this round. Let it run the same version of neuroflare as the others.',
  },
  NF_SECAGG_LOST: {
    exit: 1,
    message:
      'The sum of round {round} cannot be opened: {sites} are left of its sites, and it takes {needed}.',
    hint: "Nothing was learnt of any update. Once the sites are back, 'neuroflare job resume JOB' goes on; a lower secure_aggregation.threshold takes more that drop out.",
  },
} as const satisfies Record<string, ErrorRow>;
