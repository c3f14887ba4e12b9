import type { ErrorRow } from './row.ts';

/** Scripts in Python: the process they run in, and how it ends; jobs that nvflare has exported. */
export const PYTHON_ERRORS = {
  NF_PYTHON_RANKS: {
    exit: 4,
    message:
      'The script runs in {processes} processes, which talk to each other over the network of this machine, and the policy of this site keeps scripts from it.',
    hint: 'Set network: open in local/site-policy.yml for such jobs, or let the job run one process a site (executor.processes).',
  },
  NF_PYTHON_MISSING: {
    exit: 4,
    message: "Scripts in Python cannot be run here: '{interpreter}' {reason}.",
    hint: "Install Python 3.8 or later, or name an interpreter: NEUROFLARE_PYTHON for 'simulate', python.interpreter in local/site-policy.yml of a site.",
  },
  NF_PYTHON_SITE: {
    exit: 4,
    message: 'The script of the job {job} is in Python, and this site names no interpreter for such scripts.',
    hint: 'Whoever runs the site may set python.interpreter in its local/site-policy.yml: what stands there says what then holds a script, and what does not.',
  },
  NF_PYTHON_MODULE: {
    exit: 1,
    message: "The site's script needs the module '{module}', which its Python does not have.",
    hint: 'Install the package that brings it for the interpreter of the site (INTERPRETER -m pip install PACKAGE), or put its file beside the script into the folder of the job.',
  },
  NF_PYTHON_EXITED: {
    exit: 1,
    message: "The site's script ended its process with code {code}{said}",
    hint: 'Code 2 is mostly of argparse: compare executor.script_args with the arguments that the script takes. All that it printed stands in the log of the site.',
  },
  NF_PYTHON_CRASH: {
    exit: 1,
    message: "The process of the site's script crashed ({signal}) in native code.",
    hint: 'The place is the line of the script that called it. Look at the versions of the libraries of its Python; run the script alone with python -X faulthandler.',
  },
  NF_PYTHON_MEMORY: {
    exit: 1,
    message: "The site's script used up the memory of the machine{detail}.",
    hint: 'Use smaller batches or images, fewer workers of the data loader, or fewer sites at once (simulate -t 1).',
  },
  NF_PYTHON_JOB: {
    exit: 1,
    message: 'The job script {script} ended with code {code}.',
    hint: 'What it printed, and the first failure of the simulation, stand above. It needs the package nvflare: {$interpreter} -m pip install nvflare.',
  },
  NF_IMPORT_FOLDER: {
    exit: 4,
    message: 'This is no job folder of nvflare that can be imported: {reason}.',
    hint: 'Have nvflare (2.7 or later) export its job, and give the folder that holds meta.json; docs/from-nvflare.md has the command.',
  },
  NF_IMPORT_UNKNOWN: {
    exit: 4,
    message: 'The job has parts that neuroflare does not have, so nothing was written:\n{table}',
    hint: 'Each part decides what is computed, or what leaves a site: none is left out in silence. Change the job, or run it by nvflare.',
  },
  NF_IMPORT_MODEL: {
    exit: 4,
    message: 'The first model of the job cannot be made: {reason}.',
    hint: 'It is made on this machine, by the Python of NEUROFLARE_PYTHON, else python3, from the code of the job: that Python needs what the code imports.',
  },
} as const satisfies Record<string, ErrorRow>;
