import type { ErrorRow } from './row.ts';

/** Job definitions, templates and bundles. */
export const JOB_ERRORS = {
  NF_JOB_NOT_FOUND: {
    exit: 4,
    message: 'No job at {path}: {reason}.',
    hint: "Give a folder with a job.yaml; 'neuroflare job create DIR --template NAME' makes one.",
  },
  NF_JOB_YAML: {
    exit: 4,
    message: 'job.yaml is not valid YAML: {reason}',
    hint: "Correct job.yaml; 'neuroflare job validate' checks it again.",
  },
  NF_JOB_INVALID: {
    exit: 4,
    message: '{faults}',
    hint: "Correct what is named; 'neuroflare job validate' checks again and editors complete keys from the schema.",
  },
  NF_JOB_VARIABLE: {
    exit: 4,
    message: "The job has no variable '{name}'.{nearest}",
    hint: "'neuroflare job show-variables' lists the variables; a dotted path such as workflow.num_rounds works too.",
  },
  NF_JOB_SET: {
    exit: 4,
    message: "--set needs NAME=VALUE, not '{text}'.",
    hint: 'For example: --set num_rounds=20',
  },
  NF_JOB_COUNTS: {
    exit: 4,
    message: 'The numbers of clients disagree: flag {flag}, job {job}, split {split}.',
    hint: 'Give the number of sites the split has, or make another split with `neuroflare preprocess split`.',
  },
  NF_JOB_TOO_FEW_SITES: {
    exit: 4,
    message:
      '{type} as this job has it needs {least} answers in each round, and a round may close with {clients}.',
    hint: 'Raise workflow.min_clients and the number of clients, or change the options of the workflow, for example aggregator, trim_ratio or byzantine_clients.',
  },
  NF_JOB_HARMONISATION: {
    exit: 4,
    message: 'The pictures of the job cannot be harmonised: {reason}.',
    hint: 'Correct what is named, or leave workflow.harmonisation out.',
  },
  NF_JOB_EVALUATION: {
    exit: 4,
    message: 'The sites cannot judge the model of the job: {reason}.',
    hint: 'Correct what is named, or leave the evaluation at the sites out.',
  },
  NF_JOB_LOCAL_TENSORS: {
    exit: 4,
    message: 'workflow.local_tensors cannot be used: {reason}.',
    hint: 'Name arrays of the model, or parts of their names with *; at least one array is averaged.',
  },
  NF_JOB_PERSONAL_TENSORS: {
    exit: 4,
    message: 'workflow.personalize_tensors cannot be used: {reason}.',
    hint: 'Name arrays of the model, or parts of their names with *.',
  },
  NF_JOB_RECIPIENTS: {
    exit: 2,
    status: 400,
    message:
      "The job '{job}' gives the models of its sites to one another, and does not say which sites these are.",
    hint: 'Name all that take part (--clients site-1,site-2), or submit it without workflow.cross_site_evaluation.',
  },
  NF_JOB_FILTER: {
    exit: 4,
    message: 'The filter {filter} does not fit the model: {reason}.',
    hint: "Give names of the model's arrays; * stands for any characters.",
  },
  NF_JOB_SITES: {
    exit: 4,
    message: "{where} names the site '{site}', which does not take part; the sites are {sites}.{nearest}",
    hint: 'Correct the name, or change the number of clients.',
  },
  NF_JOB_SITE_NAME: {
    exit: 4,
    message: "'{site}' cannot name a site: {reason}.",
    hint: 'Use up to 64 letters, digits, dots, dashes and underscores, and each name once.',
  },
  NF_JOB_SCRIPT_MISSING: {
    exit: 4,
    message: 'The training script {script} does not exist in the job folder.{nearest}',
    hint: 'Correct executor.train_script; the path starts at the folder of job.yaml.',
  },
  NF_JOB_SCRIPT_SYNTAX: {
    exit: 4,
    message: 'The training script does not parse: {reason}',
    hint: "Correct the script; 'neuroflare job validate' checks it again.",
  },
  NF_JOB_SCRIPT_HIDDEN: {
    exit: 4,
    message: 'A script holds {letter}, which shows its text in another order than it runs.',
    hint: 'Remove the character; in a string write it as an escape.',
  },
  NF_JOB_HELD: {
    exit: 1,
    message: 'The server ended {times|time|times} while it was {step}: it is not tried again.',
    hint: "Look into the server's log and at its memory. 'neuroflare job resume JOB' tries it once more, 'neuroflare job delete JOB' removes the job.",
  },
  NF_JOB_RECORD: {
    exit: 1,
    message: "What the server's database holds of the job {job} cannot be read: {parts}.",
    hint: "Restore the state folder from a backup ('neuroflare server restore'), or remove the job with 'neuroflare job delete' and submit it again.",
  },
  NF_JOB_CHECK: {
    exit: 4,
    message: 'The job cannot be checked: {reason}.',
    hint: 'It is far larger, or nested far deeper, than jobs are; docs/job-file.md lists how much a job may be.',
  },
  NF_JOB_BUNDLE: {
    exit: 4,
    message: 'The job folder cannot be bundled: {reason}.',
    hint: 'A job folder holds the definition and its scripts only; keep data and results elsewhere. A large model travels apart, of any size, when model.initial_params names it.',
  },
  NF_JOB_FILE_TYPE: {
    exit: 4,
    message:
      "'{path}' of the job is {type}: a job that is submitted holds text that people can read, and models.",
    hint: 'Remove it from the job folder. Write the code in TypeScript or JavaScript, and put the files of an archive beside job.yaml.',
  },
  NF_JOB_DATA: {
    exit: 4,
    message: '{what} of the job does not exist: {path}',
    hint: "Correct the path (in job.yaml it starts at the job's folder), or give --data.",
  },
  NF_JOB_PATH: {
    exit: 4,
    message: '{what} of the job, {path}, cannot be used: {reason}.',
    hint: "Name a regular file. A job that is submitted holds the files it names: put it into the job's folder.",
  },
  NF_JOB_MODEL_SIZE: {
    exit: 4,
    message: 'The model of the job takes {bytes|byte|bytes}, and {limit} are the most here.',
    hint: 'Make the model smaller; a server takes as much as max_model_gb of its local/resources.yml says, this machine what its memory holds.',
  },
  NF_JOB_EXISTS: {
    exit: 4,
    message: 'There is a file or folder at {path} already.',
    hint: 'Choose another folder, or remove this one first.',
  },
  NF_TEMPLATE_UNKNOWN: {
    exit: 4,
    message: "There is no template '{name}'.{nearest}",
    hint: "'neuroflare job list-templates' lists them.",
  },
  NF_FEDJOB_TARGET: {
    exit: 4,
    message: '{what} cannot be given to {target}: {reason}.',
    hint: 'A FedAvg and a model go to the server (toServer), a ScriptRunner to all clients (toClients) or to a site by its name; each once.',
  },
  NF_FEDJOB_RUNNERS: {
    exit: 4,
    message: 'The runner of {site} {difference}; a job has one script for all sites.',
    hint: 'Give the runners the same script, framework, time limit and names of arguments; only values of scriptArgs may differ.',
  },
  NF_FEDJOB_OPTION: {
    exit: 4,
    message: 'simulatorRun cannot be called like this: {reason}.',
    hint: 'docs/fedjob.md lists what it takes.',
  },
  NF_FEDJOB_SITES: {
    exit: 4,
    message: 'The job has runners for {sites} only, but is to run at {clients}.',
    hint: "Give every site a runner: job.to(runner, 'site-2'), or one to all of them: job.toClients(runner).",
  },
} as const satisfies Record<string, ErrorRow>;
