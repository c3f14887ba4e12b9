import type { ErrorRow } from './row.ts';

/** One task at one site: its script, what it answers, the filters of its answers. */
export const SITE_ERRORS = {
  NF_FILTER_FAILED: {
    exit: 1,
    message: 'The filter {filter} of the {owner} cannot pass on the answer of {site}: {reason}.',
    hint: 'Correct task_result_filters in job.yaml, or in local/site-policy.yml of the site if the filter is its own. Nothing of the answer has left the site.',
  },
  NF_SITE_PROCESS: {
    exit: 1,
    message: 'The process of the job was ended from outside {times|time|times} in one task (last: {signal}).',
    hint: "Look at the memory of the machine, at what ends processes there, and at the job's log at the site.",
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
  NF_RESULT_SUMS: {
    exit: 1,
    message: 'The sums of the answer are not those of its figures: {part} differ.',
    hint: 'The client of the site makes them: have it run the version of the server, and ask who runs it.',
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
      "The job's workflow is {workflow}, and the script trained without its pull towards the received model.",
    hint: "Train with 'compile' of neuroflare/mri, which adds the term, or weigh it by flare.proximalMu() in a loop of your own.",
  },
  NF_HARMONISE_FEW: {
    exit: 4,
    message:
      '{site} has too few people to harmonise its pictures: no sum leaves a site that is over fewer than {least} people, here {what}.',
    hint: 'Take the site out of the job, give it more training images, lower a minimum that the site itself has set (least_people in local/site-policy.yml), or set workflow.harmonisation to {other}.',
  },
  NF_EVALUATION_EMPTY: {
    exit: 4,
    message: '{site} has no test images to judge the model on.',
    hint: 'Give the site a test part (neuroflare preprocess split), or take it out of the job (--clients).',
  },
  NF_EVALUATION_FEW: {
    exit: 4,
    message:
      '{site} may tell nothing of its test images: it has fewer than {least} people in it of every class.',
    hint: 'Take the site out of the job (--clients), give it more test images, or lower a minimum that the site itself has set (least_people in local/site-policy.yml); no site tells of fewer than 10.',
  },
  NF_SCRIPT_HARMONISATION: {
    exit: 1,
    message:
      'The job harmonises its pictures (workflow.harmonisation), and the script trained on pictures that are not.',
    hint: 'Open the data with openDataset(flare.data(), …) of neuroflare/mri, or leave workflow.harmonisation out.',
  },
  NF_SCRIPT_CORRECTION: {
    exit: 1,
    message: "The job's workflow is {workflow}, and the script trained without its correction of each step.",
    hint: "Train with 'compile' of neuroflare/mri, which corrects each step, or add flare.correction() to the gradients of a loop of your own; for scaffold also say its steps by flare.tookSteps().",
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
