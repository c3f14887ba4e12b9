import type { ErrorRow } from './row.ts';

/** What the coordinator does: rounds, their members, and what is made of their answers. */
export const FEDERATION_ERRORS = {
  NF_TRAIN_METRICS_DIFFER: {
    exit: 1,
    message: 'Sites count different classes: [{expected}] and [{actual}].',
    hint: 'List the classes under model.classes of the job, so that every site uses the same ones in the same order.',
  },
  NF_HARMONISE_CONFOUNDED: {
    exit: 4,
    message:
      'Sites and classes cannot be told apart: no chain of shared classes leads from {sites} to one another.',
    hint: 'Give sites a class in common (of 10 people at least, or as many as a site asks for), or set workflow.harmonisation to nyul, which needs no classes.',
  },
  NF_HARMONISE_CONSTANT: {
    exit: 4,
    message:
      'All training pictures have the same greys within each site and class: there is nothing to harmonise.',
    hint: "Look at the images with 'neuroflare preprocess check', or leave workflow.harmonisation out.",
  },
  NF_HARMONISE_ALONE: {
    exit: 4,
    message: 'combat compares sites, and {site} is alone.',
    hint: 'Have more sites take part, or set workflow.harmonisation to nyul.',
  },
  NF_HARMONISE_PICTURES: {
    exit: 4,
    message: '{what} has {actual}; the harmonisation of the run is of {expected}.',
    hint: 'Open the data set with the image size of the model, and with no other number of slices or layout than are the default, or leave workflow.harmonisation out.',
  },
  NF_EVALUATION_NO_SITE: {
    exit: 4,
    message: 'No site could judge the model: all of them failed.',
    hint: "Why is in the log of the run, with each site's name ('neuroflare runs show', 'neuroflare job logs').",
  },
  NF_RUN_REPLAY: {
    exit: 4,
    message: 'The run cannot go on: its workflow asks for {asked} where the event log has {logged}.',
    hint: 'Go on with the job and the neuroflare that the run was started with (run.json names both), or start a new run.',
  },
  NF_ROUND_MEMBERS: {
    exit: 4,
    message: 'The round cannot open: {reason}.',
    hint: 'Look at workflow.min_clients, clients_per_round and mandatory_clients in job.yaml, and at which sites take part.',
  },
  NF_WORKFLOW_SITE: {
    exit: 5,
    message: "The workflow asks {site} for '{name}' in round {round}, which is none of its members: {sites}.",
    hint: 'A workflow asks those that `members` has named in this run.',
  },
  NF_WORKFLOW_TASK: {
    exit: 5,
    message: "The workflow asks for '{name}' in round {round}, which it may not: {reason}.",
    hint: 'A workflow declares its tasks with what goes in and comes back: docs/writing-an-algorithm.md.',
  },
  NF_AGGREGATE_TOO_FEW: {
    exit: 1,
    message: 'Of {what} only {sites} sent an update, and the aggregator of the job needs {least} of them.',
    hint: 'Have more sites take part, or look at what filters keep {what} at its site. Without workflow.aggregator any number is taken.',
  },
  NF_AGGREGATE_WEIGHT: {
    exit: 1,
    message:
      'The aggregator {aggregator} can give the answers no weights: the update of {site} is too large.',
    hint: 'Lower the learning rate, or look at what the script of {site} sends. Rounds go on without an unusable update where workflow.min_clients allows it.',
  },
  NF_AGGREGATE_NOT_FINITE: {
    exit: 1,
    message:
      "The mean of the updates holds {value} in '{name}' at index {index}: the update of {site} makes it so.",
    hint: 'Lower the learning rate, or look at what the script of {site} sends. Rounds go on without an unusable update where workflow.min_clients allows it.',
  },
} as const satisfies Record<string, ErrorRow>;
