import type { ErrorRow } from './row.ts';

/** Runs: their logs, files and figures. */
export const RUN_ERRORS = {
  NF_RUN_HARMONISATION: {
    exit: 4,
    message:
      'The model {model} was trained on harmonised pictures, and what was done with them cannot be read: {reason}.',
    hint: 'Name the run, or the model in its folder, as it was written or downloaded: harmonisation.json lies there.',
  },
  NF_RUN_JOURNAL: {
    exit: 4,
    message: 'The event log {path} is damaged: line {line}, or one before it, is not what was written.',
    hint: 'Restore the run folder from a copy, or start a new run without --resume.',
  },
  NF_RUN_NEWER: {
    exit: 4,
    message:
      'The event log was written by a newer neuroflare: its form is version {version}, and this one reads up to {known}.',
    hint: 'Go on with the neuroflare that wrote it: a run names its version in run.json, under software.',
  },
  NF_RUN_FILE: {
    exit: 4,
    message: '{path} is not what the event log recorded: {reason}.',
    hint: 'Restore the file from a copy, or start a new run without --resume.',
  },
  NF_RUN_TARGET: {
    exit: 4,
    message:
      '{target} is neither a run, nor a job with runs in {workspace}, nor a .safetensors file.{nearest}',
    hint: "Give the name of a job, JOB/RUN_ID, the folder of a run, or a model file; 'neuroflare runs list' shows the runs.",
  },
  NF_RUN_NOT_FOUND: {
    exit: 4,
    message: 'There is no run {run} in {workspace}.{nearest}',
    hint: "Runs lie in WORKSPACE/<job>/<run id>; 'latest' names the newest.",
  },
  NF_RUN_CHANGED: {
    exit: 4,
    message: 'The run cannot go on: {what} changed since it started.',
    hint: 'Put back what the run started with, its values of --set too (workflow.site_timeout and executor.task_timeout may be others), or start a new run without --resume.',
  },
  NF_RUN_FINISHED: {
    exit: 4,
    message: 'The run {run} is finished, after {rounds|round|rounds} of training.',
    hint: 'To go on from it, give the job more rounds (workflow.num_rounds in job.yaml, or --set num_rounds=N, with the other values of --set it was started with); else start a new run without --resume.',
  },
  NF_KEY_METRIC_MISSING: {
    exit: 1,
    message: "No site reports the key metric '{metric}'; reported are {reported}.{nearest}",
    hint: 'Set workflow.key_metric to a metric that the script sends, or send it.',
  },
  NF_KEY_METRIC_TYPE: {
    exit: 1,
    message: "No site reports the key metric '{metric}' as a number: {sites}.",
    hint: 'Send it as a number, or null where it is undefined: flare.send({ metrics: { {metric}: 0.9 } }).',
  },
  NF_PAYLOAD_MISSING: {
    exit: 1,
    status: 400,
    message: "The file '{file}' of {task} is missing.",
    hint: "The job's workflow says what a task is given and what its answer brings.",
  },
  NF_PAYLOAD_UNKNOWN: {
    exit: 1,
    status: 400,
    message: "The file '{file}' of {task} was not asked for.",
    hint: "The job's workflow says what a task is given and what its answer brings.",
  },
  NF_PAYLOAD_TOO_LARGE: {
    exit: 1,
    status: 413,
    message: "The file '{file}' of {task} has {size}; the most is {most}.",
    hint: "The job's workflow says how large it may be.",
  },
  NF_PAYLOAD_FORM: {
    exit: 1,
    status: 400,
    message: "The file '{file}' of {task} is not what was asked for: {reason}.",
    hint: "The job's workflow says what form it has.",
  },
} as const satisfies Record<string, ErrorRow>;
