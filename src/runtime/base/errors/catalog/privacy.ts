import type { ErrorRow } from './row.ts';

/** Differential privacy: of a job, and at a site. */
export const PRIVACY_ERRORS = {
  NF_PRIVACY_PLAN: {
    exit: 4,
    message: 'What the job says of privacy does not fit: {reason}.',
    hint: '{advice}',
  },
  NF_PRIVACY_DELTA: {
    exit: 4,
    message:
      'privacy.delta is {delta}, and {site} trains on {groups|group|groups}: the promise may fail for one of them, and would be none.',
    hint: "Set privacy.delta to {most} or less, best to {best}; 'neuroflare privacy plan' shows what it costs.",
  },
  NF_PRIVACY_UNIT: {
    exit: 4,
    message: 'How many groups of people each site has is not known: {reason}.',
    hint: 'Give the groups of a site by --groups, or name data and split in the job (data.root, data.split).',
  },
  NF_PRIVACY_EPOCHS: {
    exit: 4,
    message:
      'The private job has {key}: an epoch shows each group once, and the promise holds for groups that are drawn by chance.',
    hint: 'Leave it out; privacy.steps_per_round says how long a site trains. {steps|step is|steps are} about one epoch.',
  },
  NF_PRIVACY_LAYER: {
    exit: 4,
    message: "The model cannot be trained privately because of the layer '{layer}': {reason}.",
    hint: '{advice}',
  },
  NF_PRIVACY_GRADIENT: {
    exit: 5,
    message:
      'Gradients of people, taken together, are not those of one after another: {what}. Nothing was trained.',
    hint: 'Report it as a bug with the model; compile with allowEager: true trains one group after another until then.',
  },
  NF_PRIVACY_AUDIT: {
    exit: 4,
    message: 'The privacy of {run} cannot be looked at: {reason}.',
    hint: '{advice}',
  },
  NF_PRIVACY_AUDIT_FILE: {
    exit: 4,
    message: '{path} is no audit of privacy of this version.',
    hint: "Make it again with 'neuroflare privacy audit'.",
  },
  NF_PRIVACY_UNPROTECTED: {
    exit: 4,
    message: 'The answer of the private job was kept back: {reason}.',
    hint: 'Train by compile(model, { privacy: flare.privacy() }) and one fit, and send what getParams() gives, whole and unchanged.',
  },
  NF_PRIVACY_SEEDED: {
    exit: 4,
    message:
      'The job {job} has privacy.insecure_noise_seed: its noise can be worked out again, and hides nobody.',
    hint: 'Take the key out of job.yaml; it is for tests in a simulation.',
  },
  NF_PRIVACY_NO_LEDGER: {
    exit: 4,
    message:
      'The job {job} has privacy, and no site of this version counts what its people have lost over all jobs.',
    hint: "Run it by 'neuroflare simulate': over the network a promise that nobody counts would be none.",
  },
} as const satisfies Record<string, ErrorRow>;
