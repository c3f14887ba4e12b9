import type { ErrorRow } from './row.ts';

/** Runs: what happens between the first round and the last. */
export const RUN_ERRORS = {
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
  NF_KEY_METRIC_MISSING: {
    exit: 1,
    message: "No site reports the key metric '{metric}'; reported are {reported}.{nearest}",
    hint: 'Set workflow.key_metric to a metric that the script sends, or send it.',
  },
  NF_RESULT_METRICS: {
    exit: 1,
    message: "The metric '{name}' is {value}.",
    hint: 'Metrics are numbers within 1e100, texts, booleans, or null where a figure is undefined, in lists and maps at most 16 deep.',
  },
  NF_RESULT_FIGURES_SIZE: {
    exit: 1,
    message:
      'The metrics of one answer take more than {limit} kB as JSON, or hold more than {values} values or {names} names.',
    hint: 'Send figures, not data: what is larger stays at the site.',
  },
  NF_RESULT_FIGURES_SUM: {
    exit: 1,
    message: 'The metrics of all answers of {site} to this job take more than {limit} kB as JSON.',
    hint: 'Send fewer or smaller figures a round; what is large stays at the site.',
  },
  NF_KEY_METRIC_TYPE: {
    exit: 1,
    message: "No site reports the key metric '{metric}' as a number: {sites}.",
    hint: 'Send it as a number, or null where it is undefined: flare.send({ metrics: { {metric}: 0.9 } }).',
  },
  NF_AGGREGATE_NOT_FINITE: {
    exit: 1,
    message:
      "The mean of the updates holds {value} in '{name}' at index {index}: the update of {site} makes it so.",
    hint: 'Lower the learning rate, or look at what the script of {site} sends. Rounds go on without an unusable update where workflow.min_clients allows it.',
  },
  NF_RESULT_INVALID: {
    exit: 1,
    message: 'flare.send() was given an unusable model: {reason}.',
    hint: 'Send { params, metrics, numExamples } for training and { metrics } for evaluation.',
  },
  NF_SCRIPT_FAILED: {
    exit: 1,
    message: "The site's script failed: {message}",
    hint: 'Correct the script, then run the job anew.',
  },
  NF_SCRIPT_FROZEN: {
    exit: 1,
    message: "The site's script writes to what is frozen: {message}",
    hint: 'Functions and many classes of JavaScript and Node.js are frozen, since all tasks share them. Keep values in variables of the script, and what the next task needs with flare.saveState().',
  },
  NF_SCRIPT_LOAD: {
    exit: 1,
    message: "The site's script cannot be loaded: {message}",
    hint: 'Import only files inside the job folder, packages installed beside the job, and neuroflare.',
  },
  NF_SCRIPT_NO_RESULT: {
    exit: 1,
    message: 'The script ended without sending a result.',
    hint: 'Call flare.send() once for every flare.receive(), in a loop on flare.isRunning().',
  },
  NF_SCRIPT_PROXIMAL: {
    exit: 1,
    message:
      "The job's workflow is fedprox, and the script trained without its pull towards the received model.",
    hint: "Train with 'compile' of neuroflare/mri, which adds the term, or weigh it by flare.proximalMu() in a loop of your own.",
  },
  NF_SCRIPT_EXITED: {
    exit: 1,
    message: 'The script ended its process (process.exit) with code {code}.',
    hint: 'Let the script return, or throw an error that says what is wrong.',
  },
  NF_SCRIPT_MEMORY: {
    exit: 1,
    message: "The site's script used up the memory of its thread.",
    hint: 'Use smaller batches or images, or start Node.js with a larger --max-old-space-size (NODE_OPTIONS).',
  },
  NF_SCRIPT_MESSAGE: {
    exit: 1,
    message: 'The process of the script said what is no message: {reason}',
    hint: 'Send results with flare.send(), print with console.log; leave the channel of the process alone.',
  },
  NF_SCRIPT_START: {
    exit: 1,
    message:
      'The script was not begun within {seconds} s: its process did not start, or did not read the model.',
    hint: 'Look at the load, the memory and the disk of the machine.',
  },
  NF_SCRIPT_TIMEOUT: {
    exit: 1,
    message: 'The script gave no answer within {seconds} s.',
    hint: 'Look for an endless loop, or raise executor.task_timeout.',
  },
  NF_SCRIPT_DENIED: {
    exit: 1,
    message: "The site's script did what this site keeps from scripts: {message}",
    hint: "A script reads the site's data and the job's files, and writes to its current folder: no programs, threads, sockets or native code. The site's local/site-policy.yml decides (isolate, network); 'neuroflare simulate' does not keep scripts from it.",
  },
  NF_SCRIPT_USE: {
    exit: 1,
    message: '{message}',
    hint: '{hint}',
  },
} as const satisfies Record<string, ErrorRow>;
