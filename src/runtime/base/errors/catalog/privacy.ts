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
  NF_PRIVACY_REQUIRED: {
    exit: 4,
    message: 'The site {site} takes private jobs alone, and {job} is none: {reason}.',
    hint: "Give the job privacy as 'neuroflare job create --template mri-dp-fedavg' does, with metrics: none; or ask the site, whose local/site-policy.yml says privacy.require.",
  },
  NF_PRIVACY_BUDGET: {
    exit: 4,
    message:
      'The privacy of the people at {site} does not bear {what} of {job}: epsilon {spent} is spent, {after} it would be, and {most} is the most (delta {delta}).',
    hint: "Ask for less (privacy.epsilon, workflow.num_rounds), or ask the site: 'neuroflare privacy ledger KIT' shows there what was spent by whom, and local/site-policy.yml has the budget.",
  },
  NF_PRIVACY_LOWERED: {
    exit: 4,
    message:
      '{site} has lowered its budget to epsilon {most} (delta {delta}) since {job} began: {spent} is spent.',
    hint: 'The job ends at this site; what was sent before stays in the models. What is spent cannot be taken back.',
  },
  NF_PRIVACY_ROUNDS: {
    exit: 4,
    message:
      '{site} has paid for {steps|step|steps} of {job}, as many as its promise counts, and is asked for more.',
    hint: 'The job ends at this site: a round that is asked for again costs people again. Submit a job with more rounds, whose noise is worked out for them.',
  },
  NF_PRIVACY_LEDGER_GONE: {
    exit: 4,
    message: 'The ledger of what people at this site have lost is gone: {path} had {entries|entry|entries}.',
    hint: 'Bring the file and its .head back from a copy that is as new; no private job runs here before. Nothing begins it anew: what is spent stays spent.',
  },
  NF_PRIVACY_LEDGER_FOREIGN: {
    exit: 4,
    message: 'The privacy ledger {path} is not that of this site: {reason}.',
    hint: "Bring the site's own ledger and its .head back; no private job runs here before.",
  },
  NF_PRIVACY_LEDGER_DAMAGED: {
    exit: 4,
    message: 'The privacy ledger {path} is not whole: {reason}.',
    hint: "Bring the file and its .head back from a copy that is as new ('neuroflare privacy verify KIT' names each fault); no private job runs here before.",
  },
  NF_PRIVACY_UNCHARGED: {
    exit: 4,
    message: 'An answer of the job {job} was kept back: {reason}.',
    hint: 'Somebody has changed files in the work folder of the client, or the server asks for an update that was not paid for. The task is not answered; look at who could write there, and ask whoever runs the server.',
  },
} as const satisfies Record<string, ErrorRow>;
