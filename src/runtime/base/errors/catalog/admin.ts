import type { ErrorRow } from './row.ts';

/** What the tools of an admin do here with what a server gave. */
export const ADMIN_ERRORS = {
  NF_DOWNLOAD_EXISTS: {
    exit: 4,
    message: 'There is a file or folder at {path} already.',
    hint: 'Give another one with --output-dir, or replace it with --force.',
  },
  NF_JOB_WAIT_TIMEOUT: {
    exit: 3,
    message: 'After {seconds} s the job {job} is {status}.',
    hint: 'It goes on: wait again, or look at what it waits for with `neuroflare job meta`.',
  },
  NF_JOB_NOT_COMPLETED: {
    exit: 1,
    message: 'The job {job} by which the sites judge the model did not come to its end. {end}',
    hint: "See why with 'neuroflare job meta JOB' and 'neuroflare job logs JOB'.",
  },
  NF_JOB_NO_MODEL: {
    exit: 4,
    message: 'The job {job} has no {which} model to be judged: it is {status}.',
    hint: 'Wait until it is over (neuroflare job wait JOB), or judge another job; neuroflare job list shows them.',
  },
} as const satisfies Record<string, ErrorRow>;
