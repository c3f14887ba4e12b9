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
} as const satisfies Record<string, ErrorRow>;
